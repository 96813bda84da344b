// The loop itself: polls, serves rings that are awake, polls a little longer, sleeps.
#include "emu/host/linux_loop.h"

#include <sched.h>
#include <sys/epoll.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "ring/memory.h"

namespace ringside {

using Memory = ring::NativeMemory;

namespace {

/// How often the rings are polled between two polls of the descriptors while waiting.
constexpr int looks_per_poll = 100;
/// How many turns the rings get between two polls of the descriptors while there is work: a poll is a system
/// call, a turn costs far less.
constexpr int turns_per_poll = 8;
/// How many descriptors are served between two turns of the rings, and how many timers.
constexpr int events_per_poll = 64;
constexpr int timers_per_poll = 64;

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
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  return fd;
}

bool wants(Ready interest) {
  return interest.read || interest.write;
}

bool is_ignored(int signal_number) {
  struct sigaction now {};
  return sigaction(signal_number, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

/// Rounded up, so that no timer is early.
int milliseconds(Duration time) {
  constexpr Duration longest = std::chrono::hours(1);
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(std::min(time, longest)).count());
}

/// epoll_wait, with a limit in nanoseconds. Before Linux 5.11, and under some tracers, in milliseconds.
int wait_for_events(int epoll, std::span<epoll_event> events, std::optional<Duration> longest) {
  const int size = static_cast<int>(events.size());
  if (!longest || *longest == Duration::zero())
    return epoll_wait(epoll, events.data(), size, longest ? 0 : -1);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(*longest);
  const timespec limit{.tv_sec = seconds.count(), .tv_nsec = (*longest - seconds).count()};
  const int count = epoll_pwait2(epoll, events.data(), size, &limit, nullptr);
  if (count >= 0 || errno != ENOSYS) return count;
  return epoll_wait(epoll, events.data(), size, milliseconds(*longest));
}

}  // namespace

LinuxLoop::LinuxLoop() : epoll_(checked_epoll()) {}

LinuxLoop::~LinuxLoop() = default;

int LinuxLoop::run() {
  int turns_to_poll = 0;
  while (!stopped_) {
    retired_.clear();
    bool did_something = false;
    if (--turns_to_poll < 0) {
      turns_to_poll = turns_per_poll;
      did_something = poll(Duration::zero());
      if (stopped_) break;
    }
    did_something |= serve_awake();
    if (did_something) {
      policy_.worked();
    } else if (!wait_for_work()) {
      turns_to_poll = 0;
    }
  }
  retired_.clear();
  stopped_ = false;
  return exit_status_;
}

bool LinuxLoop::poll(std::optional<Duration> longest) {
  if (const auto next = until_next_timer(); next && (!longest || *next < *longest)) longest = next;
  const auto is_wanted = [this](int fd) { return wants(watched_.at(fd)->interest); };
  if (std::any_of(always_ready_.begin(), always_ready_.end(), is_wanted)) longest = Duration::zero();
  bool any = poll_descriptors(longest);
  any |= call_always_ready();
  any |= run_timers();
  return any;
}

/// There is no work now. Returns false when it is time to poll the descriptors again.
bool LinuxLoop::wait_for_work() {
  const Time now = clock_now();
  switch (policy_.idle(now, !awake_.empty(), any_peer_on_other_cpu())) {
    case WaitPolicy::Next::look:
      if (look_for_work()) return true;
      if (!policy_.may_yield(now)) return false;
      [[fallthrough]];
    case WaitPolicy::Next::yield: {
      const Time from = clock_now();
      sched_yield();
      policy_.yielded(from, clock_now());
      return false;
    }
    case WaitPolicy::Next::sleep:
      if (!all_could_sleep()) {
        policy_.worked();
        return true;
      }
      poll({});
      policy_.woken(clock_now());
      return true;
  }
  return true;
}

void LinuxLoop::stop(int exit_status) {
  stopped_ = true;
  exit_status_ = exit_status;
}

// -- timers and signals

Host::TimerId LinuxLoop::timer_start(Duration delay, std::function<void()> run) {
  const Host::TimerId id = next_id_++;
  const Time deadline = clock_now() + std::max(delay, Duration::zero());
  timers_.emplace(Deadline(deadline, id), std::move(run));
  deadlines_.emplace(id, deadline);
  return id;
}

void LinuxLoop::timer_cancel(Host::TimerId timer) {
  const auto found = deadlines_.find(timer);
  if (found == deadlines_.end()) return;
  timers_.erase({found->second, timer});
  deadlines_.erase(found);
}

std::optional<Duration> LinuxLoop::until_next_timer() const {
  if (timers_.empty()) return {};
  return std::max<Duration>(timers_.begin()->first.first - clock_now(), Duration::zero());
}

/// Not without end: a timer may start another one that is due at once.
bool LinuxLoop::run_timers() {
  if (timers_.empty()) return false;
  const Time now = clock_now();
  int run = 0;
  while (run < timers_per_poll && !stopped_ && !timers_.empty() && timers_.begin()->first.first <= now) {
    const auto timer = timers_.extract(timers_.begin());
    deadlines_.erase(timer.key().second);
    timer.mapped()();
    ++run;
  }
  return run != 0;
}

void LinuxLoop::on_signal(int signal_number, std::function<void()> received) {
  if (signal_number != SIGCHLD && is_ignored(signal_number)) return;
  if (signal_handlers_.empty())
    watch(signals_.descriptor(), {.read = true}, [this](Ready) { take_signals(); });
  signal_handlers_[signal_number] = std::move(received);
  signals_.receive(signal_number);
}

void LinuxLoop::take_signals() {
  for (int number = signals_.take(); number != 0; number = signals_.take()) {
    // A copy: it may replace itself.
    const std::function<void()> received = signal_handlers_.at(number);
    received();
  }
}

// -- descriptors

LinuxLoop::Watched& LinuxLoop::add(int fd) {
  unwatch(fd);
  auto watched = std::make_unique<Watched>();
  watched->fd = fd;
  return *(watched_[fd] = std::move(watched));
}

void LinuxLoop::watch(int fd, Ready interest, std::function<void(Ready)> ready) {
  Watched& watched = add(fd);
  watched.ready = std::move(ready);
  set_interest(watched, interest);
}

void LinuxLoop::watch_interest(int fd, Ready interest) {
  if (const auto found = watched_.find(fd); found != watched_.end()) set_interest(*found->second, interest);
}

void LinuxLoop::unwatch(int fd) {
  const auto found = watched_.find(fd);
  if (found == watched_.end()) return;
  Watched& watched = *found->second;
  if (watched.polled != 0) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  if (watched.always_ready) std::erase(always_ready_, fd);
  watched.fd = -1;
  retired_.push_back(std::move(found->second));
  watched_.erase(found);
}

/// Without interest the descriptor leaves the set, which would report a hang-up again and again.
void LinuxLoop::set_interest(Watched& watched, Ready interest) {
  watched.interest = interest;
  if (watched.always_ready) return;
  const std::uint32_t wanted =
      (interest.read ? std::uint32_t{EPOLLIN} : 0u) | (interest.write ? std::uint32_t{EPOLLOUT} : 0u);
  if (wanted == watched.polled) return;
  epoll_event event{};
  event.events = wanted;
  event.data.ptr = &watched;
  const int change = wanted == 0 ? EPOLL_CTL_DEL : watched.polled == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (epoll_ctl(epoll_.get(), change, watched.fd, &event) == 0) {
    watched.polled = wanted;
    return;
  }
  // A regular file cannot be polled. For any other error the next read or write gives the reason.
  watched.always_ready = true;
  always_ready_.push_back(watched.fd);
}

bool LinuxLoop::poll_descriptors(std::optional<Duration> longest) {
  std::array<epoll_event, events_per_poll> events;
  const int count = wait_for_events(epoll_.get(), events, longest);
  bool any = false;
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    Watched& watched = *static_cast<Watched*>(event.data.ptr);
    if (watched.fd < 0) continue;  // ended by an earlier callback of this turn
    any = true;
    if (!watched.ready) {
      take_kick(watched);  // also after a stop: it is reported once only
    } else if (!stopped_) {
      // A hang-up or an error makes it ready for all.
      const bool all = (event.events & (EPOLLHUP | EPOLLERR)) != 0;
      const Ready ready{.read = watched.interest.read && (all || (event.events & EPOLLIN) != 0),
                        .write = watched.interest.write && (all || (event.events & EPOLLOUT) != 0)};
      if (wants(ready)) watched.ready(ready);
    }
  }
  return any;
}

bool LinuxLoop::call_always_ready() {
  bool any = false;
  const std::vector<int> descriptors = always_ready_;
  for (const int fd : descriptors) {
    const auto found = watched_.find(fd);
    if (stopped_ || found == watched_.end() || !found->second->always_ready) continue;
    const Watched& watched = *found->second;
    if (!wants(watched.interest)) continue;
    any = true;
    watched.ready(watched.interest);
  }
  return any;
}

// -- kicks and rings

void LinuxLoop::take_kick(const Watched& kicks) {
  if (kicks.woken) {
    kicks.woken();
  } else if (const auto wait = waits_.find(kicks.wait); wait != waits_.end()) {
    if (!wait->second->awake) policy_.kicked(clock_now());
    wake(*wait->second);
    wait->second->ops.serve();
  }
}

LinuxLoop::Watched& LinuxLoop::add_kicks(int fd) {
  Watched& kicks = add(fd);
  kicks.polled = EPOLLIN | EPOLLET;
  epoll_event event{};
  event.events = kicks.polled;
  event.data.ptr = &kicks;
  RS_CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0);
  return kicks;
}

void LinuxLoop::kicks_watch(int fd, std::function<void()> woken) {
  add_kicks(fd).woken = std::move(woken);
}

Host::WaitId LinuxLoop::ring_wait_start(int fd, RingWait ops) {
  const Host::WaitId id = next_id_++;
  auto wait = std::make_unique<Wait>();
  wait->fd = fd;
  wait->ops = std::move(ops);
  add_kicks(fd).wait = id;
  wake(*(waits_[id] = std::move(wait)));
  return id;
}

void LinuxLoop::ring_wait_expect(Host::WaitId wait) {
  if (const auto found = waits_.find(wait); found != waits_.end()) wake(*found->second);
}

void LinuxLoop::ring_wait_end(Host::WaitId wait) {
  const auto found = waits_.find(wait);
  if (found == waits_.end()) return;
  unwatch(found->second->fd);
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
