// The event loop of one process: descriptors and kicks in one epoll set, timers, signals, and the waits on
// rings. It works with descriptors, not handles. Everything runs on the thread that calls run().
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "emu/host/host.h"
#include "emu/host/linux_signals.h"
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
  /// A descriptor in the epoll set, or one that cannot be polled.
  struct Watched final : Retirable {
    int fd = -1;                ///< -1 after its end
    std::uint32_t polled = 0;   ///< the epoll events that the set has for it; 0: it is not in the set
    bool always_ready = false;  ///< it cannot be polled
    Ready interest;
    std::function<void(Ready)> ready;  ///< empty for kicks
    std::function<void()> woken;       ///< empty for a ring wait
    Host::WaitId wait = 0;
  };
  struct Wait final : Retirable {
    int fd = -1;
    bool awake = false;
    std::uint32_t published_cpu = 0;
    RingWait ops;
  };
  using Deadline = std::pair<Time, Host::TimerId>;

  Watched& add(int fd);
  void set_interest(Watched& watched, Ready interest);
  /// Waits for events at most that long, and runs their callbacks. Returns whether there were any.
  bool poll(std::optional<Duration> longest);
  bool poll_descriptors(std::optional<Duration> longest);
  bool call_always_ready();
  bool run_timers();
  [[nodiscard]] std::optional<Duration> until_next_timer() const;
  void take_kick(const Watched& kicks);
  void take_signals();
  Watched& add_kicks(int fd);
  [[nodiscard]] bool serve_awake();
  [[nodiscard]] bool wait_for_work();
  [[nodiscard]] bool look_for_work() const;
  [[nodiscard]] bool any_peer_on_other_cpu() const;
  [[nodiscard]] bool all_could_sleep();
  void wake(Wait& wait);

  Fd epoll_;
  LinuxSignals signals_;
  std::unordered_map<int, std::unique_ptr<Watched>> watched_;  ///< by descriptor
  std::vector<int> always_ready_;                              ///< descriptors that cannot be polled
  std::map<Deadline, std::function<void()>> timers_;
  std::unordered_map<Host::TimerId, Time> deadlines_;
  std::unordered_map<Host::WaitId, std::unique_ptr<Wait>> waits_;
  std::map<int, std::function<void()>> signal_handlers_;
  std::vector<std::unique_ptr<Retirable>> retired_;
  std::vector<Wait*> awake_;  ///< null where one ended since the last turn
  WaitPolicy policy_;
  std::uint64_t next_id_ = 1;
  bool stopped_ = false;
  int exit_status_ = 0;
};

}  // namespace ringside
