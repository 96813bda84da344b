// The loop itself: polls, serves rings that are awake, polls a little longer, sleeps.
#include "emu/host/linux_loop.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "ring/memory.h"

namespace ringside {

namespace asio = boost::asio;
using Memory = ring::NativeMemory;

namespace {

/// How often the rings are polled between two polls of the descriptors while waiting.
constexpr int looks_per_poll = 100;
/// How many turns the rings get between two polls of the descriptors while there is work: a poll is a system
/// call, a turn costs far less.
constexpr int turns_per_poll = 8;
/// How many callbacks of descriptors and timers run between two turns of the rings.
constexpr int callbacks_per_poll = 64;
constexpr int kicks_per_turn = 64;

Time clock_now() {
  return std::chrono::duration_cast<Time>(std::chrono::steady_clock::now().time_since_epoch());
}

void pause_cpu() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

std::uint32_t this_cpu() {
  return static_cast<std::uint32_t>(sched_getcpu() + 1);
}

int checked_epoll() {
  const int fd = epoll_create1(EPOLL_CLOEXEC);
  // Throws, as Asio does when it cannot make its own descriptors.
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  return fd;
}

bool is_ignored(int signal_number) {
  struct sigaction now {};
  return sigaction(signal_number, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

}  // namespace

LinuxLoop::LinuxLoop() : kicks_(io_, checked_epoll()), signals_(io_) {
  arm_kicks();
}

LinuxLoop::~LinuxLoop() {
  for (auto& [fd, watched] : watched_) watched->descriptor.release();
}

int LinuxLoop::run() {
  const auto work = asio::make_work_guard(io_);
  int turns_to_poll = 0;
  while (!stopped_) {
    retired_.clear();
    bool did_something = false;
    if (--turns_to_poll < 0) {
      turns_to_poll = turns_per_poll;
      did_something = poll_descriptors();
      if (stopped_) break;
    }
    did_something |= serve_awake();
    if (did_something) {
      policy_.worked();
    } else if (!awake_.empty()) {
      if (!wait_awake()) turns_to_poll = 0;
    } else {
      io_.run_one();
    }
  }
  retired_.clear();
  stopped_ = false;
  return exit_status_;
}

/// Runs the ready callbacks, but not without end: a descriptor may be ready again as soon as its callback
/// returns.
bool LinuxLoop::poll_descriptors() {
  int callbacks = 0;
  while (callbacks < callbacks_per_poll && !stopped_ && io_.poll_one() != 0) ++callbacks;
  return callbacks != 0;
}

/// There is no work now, and some waits are awake. Returns false when it is time to poll the descriptors
/// again.
bool LinuxLoop::wait_awake() {
  const Time now = clock_now();
  switch (policy_.idle(now, any_peer_on_other_cpu())) {
    case WaitPolicy::Next::look:
      return look_for_work();
    case WaitPolicy::Next::yield:
      sched_yield();
      policy_.yielded(now, clock_now());
      return true;
    case WaitPolicy::Next::sleep:
      if (all_could_sleep())
        io_.run_one();
      else
        policy_.worked();
      return true;
  }
  return true;
}

void LinuxLoop::stop(int exit_status) {
  stopped_ = true;
  exit_status_ = exit_status;
}

// -- timers

Host::TimerId LinuxLoop::timer_start(Duration delay, std::function<void()> run) {
  const Host::TimerId id = next_id_++;
  auto timer = std::make_unique<asio::steady_timer>(io_, delay);
  timer->async_wait([this, id, run = std::move(run)](const boost::system::error_code& error) {
    if (error || timers_.erase(id) == 0) return;
    run();
  });
  timers_.emplace(id, std::move(timer));
  return id;
}

void LinuxLoop::timer_cancel(Host::TimerId timer) {
  timers_.erase(timer);
}

void LinuxLoop::on_signal(int signal_number, std::function<void()> received) {
  if (signal_number != SIGCHLD && is_ignored(signal_number)) return;
  const bool first = signal_handlers_.empty();
  signal_handlers_[signal_number] = std::move(received);
  signals_.add(signal_number);
  if (!first) return;
  // One wait for all signals, which renews itself.
  struct Waiter {
    LinuxLoop* loop;
    void operator()(const boost::system::error_code& error, int number) const {
      if (error) return;
      loop->signals_.async_wait(*this);
      if (const auto found = loop->signal_handlers_.find(number); found != loop->signal_handlers_.end()) {
        found->second();
      }
    }
  };
  signals_.async_wait(Waiter{this});
}

// -- descriptors

void LinuxLoop::watch(int fd, Ready interest, std::function<void(Ready)> ready) {
  unwatch(fd);
  auto watched = std::make_unique<Watched>(io_, fd);
  watched->id = next_id_++;
  watched->interest = interest;
  watched->ready = std::move(ready);
  Watched& placed = *(watched_[fd] = std::move(watched));
  arm(fd, placed);
}

void LinuxLoop::watch_interest(int fd, Ready interest) {
  const auto found = watched_.find(fd);
  if (found == watched_.end()) return;
  found->second->interest = interest;
  arm(fd, *found->second);
}

void LinuxLoop::unwatch(int fd) {
  if (const auto found = watched_.find(fd); found != watched_.end()) {
    found->second->descriptor.release();
    retired_.push_back(std::move(found->second));
    watched_.erase(found);
  }
  drop_kicks(fd);
}

void LinuxLoop::arm(int fd, Watched& watched) {
  const auto wait = [&](bool wanted, bool& armed, asio::posix::stream_descriptor::wait_type type,
                        Ready what) {
    if (!wanted || armed) return;
    armed = true;
    watched.descriptor.async_wait(type,
                                  [this, fd, id = watched.id, what](const boost::system::error_code& error) {
                                    if (error == asio::error::operation_aborted) return;
                                    // Any other error, and "cannot be polled" for a regular file, is reported
                                    // by the next read or write.
                                    became_ready(fd, id, what);
                                  });
  };
  wait(watched.interest.read, watched.armed.read, asio::posix::stream_descriptor::wait_read, {.read = true});
  wait(watched.interest.write, watched.armed.write, asio::posix::stream_descriptor::wait_write,
       {.write = true});
}

void LinuxLoop::became_ready(int fd, std::uint64_t id, Ready what) {
  const auto find = [&]() -> Watched* {
    const auto found = watched_.find(fd);
    return found != watched_.end() && found->second->id == id ? found->second.get() : nullptr;
  };
  Watched* watched = find();
  if (watched == nullptr) return;
  if (what.read) watched->armed.read = false;
  if (what.write) watched->armed.write = false;
  // The interest may have been withdrawn since the wait was armed.
  const Ready wanted{what.read && watched->interest.read, what.write && watched->interest.write};
  if (wanted.read || wanted.write) watched->ready(wanted);
  if (Watched* still = find()) arm(fd, *still);
}

// -- kicks and rings

void LinuxLoop::arm_kicks() {
  kicks_.async_wait(asio::posix::stream_descriptor::wait_read,
                    [this](const boost::system::error_code& error) {
                      if (error) return;
                      take_kicks();
                      arm_kicks();
                    });
}

void LinuxLoop::take_kicks() {
  std::array<epoll_event, kicks_per_turn> events;
  const int count = epoll_wait(kicks_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < count; ++i) {
    const auto found = kicked_.find(events[static_cast<std::size_t>(i)].data.fd);
    if (found == kicked_.end()) continue;  // closed by an earlier callback of this turn
    const Kicked& kicked = *found->second;
    if (kicked.woken) {
      kicked.woken();
    } else if (const auto wait = waits_.find(kicked.wait); wait != waits_.end()) {
      if (!wait->second->awake) policy_.kicked(clock_now());
      wake(*wait->second);
      wait->second->ops.serve();
    }
  }
}

void LinuxLoop::add_kicks(int fd, std::unique_ptr<Kicked> kicked) {
  unwatch(fd);
  kicked_[fd] = std::move(kicked);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.fd = fd;
  RS_CHECK(epoll_ctl(kicks_.native_handle(), EPOLL_CTL_ADD, fd, &event) == 0);
}

void LinuxLoop::drop_kicks(int fd) {
  const auto found = kicked_.find(fd);
  if (found == kicked_.end()) return;
  epoll_ctl(kicks_.native_handle(), EPOLL_CTL_DEL, fd, nullptr);
  retired_.push_back(std::move(found->second));
  kicked_.erase(found);
}

void LinuxLoop::kicks_watch(int fd, std::function<void()> woken) {
  auto kicked = std::make_unique<Kicked>();
  kicked->woken = std::move(woken);
  add_kicks(fd, std::move(kicked));
}

Host::WaitId LinuxLoop::ring_wait_start(int fd, RingWait ops) {
  const Host::WaitId id = next_id_++;
  auto wait = std::make_unique<Wait>();
  wait->fd = fd;
  wait->ops = std::move(ops);
  auto kicked = std::make_unique<Kicked>();
  kicked->wait = id;
  add_kicks(fd, std::move(kicked));
  wake(*(waits_[id] = std::move(wait)));
  return id;
}

void LinuxLoop::ring_wait_expect(Host::WaitId wait) {
  if (const auto found = waits_.find(wait); found != waits_.end()) wake(*found->second);
}

void LinuxLoop::ring_wait_end(Host::WaitId wait) {
  const auto found = waits_.find(wait);
  if (found == waits_.end()) return;
  drop_kicks(found->second->fd);
  std::replace(awake_.begin(), awake_.end(), found->second.get(), static_cast<Wait*>(nullptr));
  retired_.push_back(std::move(found->second));
  waits_.erase(found);
}

void LinuxLoop::wake(Wait& wait) {
  if (wait.awake) return;
  wait.awake = true;
  wait.ops.awaken();
  awake_.push_back(&wait);
}

bool LinuxLoop::serve_awake() {
  bool did_something = false;
  const std::uint32_t here = this_cpu();
  // A callback may end waits, which leaves a gap here, and wake others, which are served in the next turn.
  const std::size_t count = awake_.size();
  for (std::size_t i = 0; i < count; ++i) {
    Wait* const wait = awake_[i];
    if (wait == nullptr) continue;
    if (wait->ops.own_cpu != nullptr && wait->published_cpu != here) {
      wait->published_cpu = here;
      Memory::store(wait->ops.own_cpu, here);
    }
    if (!wait->ops.has_work()) continue;
    wait->ops.serve();
    did_something = true;
  }
  std::erase(awake_, nullptr);
  return did_something;
}

bool LinuxLoop::look_for_work() const {
  for (int i = 0; i < looks_per_poll; ++i) {
    for (const Wait* wait : awake_) {
      if (wait->ops.has_work()) return true;
    }
    pause_cpu();
  }
  return false;
}

bool LinuxLoop::any_peer_on_other_cpu() const {
  const std::uint32_t here = this_cpu();
  return std::any_of(awake_.begin(), awake_.end(), [&](const Wait* wait) {
    const std::uint32_t there = wait->ops.peer_cpu != nullptr ? Memory::load(wait->ops.peer_cpu) : 0;
    return there != 0 && there != here;
  });
}

/// Puts the waits to sleep. The first that cannot sleep is served, even without work: an event that announced
/// only what was seen before it stays pending until then.
bool LinuxLoop::all_could_sleep() {
  while (!awake_.empty()) {
    Wait* const wait = awake_.back();
    if (wait != nullptr && !wait->ops.try_sleep()) {
      wait->ops.serve();
      return false;
    }
    if (wait != nullptr) wait->awake = false;
    std::erase(awake_, wait);
  }
  return true;
}

}  // namespace ringside
