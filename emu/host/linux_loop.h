// The event loop of one process: Boost.Asio for descriptors, timers and signals, one epoll set of its own for
// kicks, and the waits on rings. It works with descriptors, not handles. Everything runs on the thread that
// calls run().
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "emu/host/host.h"
#include "emu/host/wait.h"

namespace ringside {

class LinuxLoop {
 public:
  LinuxLoop();
  ~LinuxLoop();
  LinuxLoop(const LinuxLoop&) = delete;
  LinuxLoop& operator=(const LinuxLoop&) = delete;

  /// Runs callbacks until stop(). Returns the value passed to stop(). May be called again afterwards. A
  /// stop() before run() also counts.
  int run();
  void stop(int exit_status);

  Host::TimerId timer_start(Duration delay, std::function<void()> run);
  void timer_cancel(Host::TimerId timer);

  /// Level-triggered, see Host::watch. Descriptors that cannot be polled (regular files) are always ready.
  void watch(int fd, Ready interest, std::function<void(Ready)> ready);
  void watch_interest(int fd, Ready interest);
  /// Ends all watches of the descriptor; it stays open.
  void unwatch(int fd);

  /// Eventfds are watched edge-triggered and never read, which saves the receiver of a kick a system call.
  void kicks_watch(int fd, std::function<void()> woken);
  Host::WaitId ring_wait_start(int fd, RingWait wait);
  void ring_wait_expect(Host::WaitId wait);
  void ring_wait_end(Host::WaitId wait);

  /// Calls `received` for each arrival of the signal, from the loop.
  void on_signal(int signal_number, std::function<void()> received);

 private:
  /// An object that may be released while one of its callbacks runs; it is freed between callbacks.
  struct Retirable {
    virtual ~Retirable() = default;
  };
  struct Watched final : Retirable {
    Watched(boost::asio::io_context& io, int fd) : descriptor(io, fd) {}
    boost::asio::posix::stream_descriptor descriptor;
    std::uint64_t id = 0;
    Ready interest;
    Ready armed;
    std::function<void(Ready)> ready;
  };
  struct Wait final : Retirable {
    int fd = -1;
    bool awake = false;
    std::uint32_t published_cpu = 0;
    RingWait ops;
  };
  struct Kicked final : Retirable {
    std::function<void()> woken;  ///< empty for a ring wait
    Host::WaitId wait = 0;
  };

  void arm(int fd, Watched& watched);
  void became_ready(int fd, std::uint64_t id, Ready what);
  void arm_kicks();
  void take_kicks();
  void add_kicks(int fd, std::unique_ptr<Kicked> kicked);
  void drop_kicks(int fd);
  [[nodiscard]] bool poll_descriptors();
  [[nodiscard]] bool serve_awake();
  [[nodiscard]] bool wait_awake();
  [[nodiscard]] bool look_for_work() const;
  [[nodiscard]] bool any_peer_on_other_cpu() const;
  [[nodiscard]] bool all_could_sleep();
  void wake(Wait& wait);

  boost::asio::io_context io_{1};
  boost::asio::posix::stream_descriptor kicks_;
  boost::asio::signal_set signals_;
  std::unordered_map<int, std::unique_ptr<Watched>> watched_;
  std::unordered_map<int, std::unique_ptr<Kicked>> kicked_;
  std::unordered_map<Host::TimerId, std::unique_ptr<boost::asio::steady_timer>> timers_;
  std::unordered_map<Host::WaitId, std::unique_ptr<Wait>> waits_;
  std::unordered_map<int, std::function<void()>> signal_handlers_;
  std::vector<std::unique_ptr<Retirable>> retired_;
  std::vector<Wait*> awake_;  ///< null where one ended since the last turn
  WaitPolicy policy_;
  std::uint64_t next_id_ = 1;
  bool stopped_ = false;
  int exit_status_ = 0;
};

}  // namespace ringside
