// How a process waits for the other side of a ring, or for its descriptors: it polls for a while, or sleeps
// at once. Only the decision is here; the loop carries it out.
//
// Sleeping costs a wake-up, some 30 to 45 us across CPUs, against 1 or 2 us for a switch on one CPU. So for a
// peer on another CPU the process polls a little longer than a wake-up would take, and for a peer on its own
// CPU it gives up the CPU. Before it sleeps for descriptors, it polls as long as its last waits have taken,
// unless the CPU has other work. Nothing here is needed for correctness, and no value in shared memory can
// make it wait longer than the budget.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace ringside {

class WaitPolicy {
 public:
  using Nanoseconds = std::chrono::nanoseconds;

  /// The budget for polling. It must exceed a wake-up across CPUs plus the peer's turn. Otherwise every wait
  /// on both sides would end in the sleep that polling should avoid. So it grows, within bounds, when kicks
  /// come soon after the budget ended.
  static constexpr Nanoseconds look_budget_min = std::chrono::microseconds(60);
  static constexpr Nanoseconds look_budget_max = std::chrono::microseconds(250);
  static constexpr int yields_max = 3;
  /// The longest time that a process polls its descriptors before it sleeps.
  static constexpr Nanoseconds linger_max = std::chrono::microseconds(150);
  /// A yield that takes longer has let another process run: this CPU has other work.
  static constexpr Nanoseconds lone_yield = std::chrono::microseconds(3);
  /// A peer's turn is shorter than this; another process's turn is not, as the scheduler gives it
  /// milliseconds.
  static constexpr Nanoseconds long_yield = std::chrono::microseconds(300);
  /// After a long yield the process does not yield for this many times its length, which limits the CPU time
  /// that it loses to other processes.
  static constexpr int no_yield_factor = 64;
  static constexpr Nanoseconds no_yield_max = std::chrono::seconds(1);

  enum class Next : std::uint8_t {
    look,   ///< look at the rings again; then yield if may_yield()
    yield,  ///< give up the CPU, report it with yielded(), then poll again
    sleep,
  };

  /// There was work: the next wait starts anew.
  void worked() {
    waiting_ = false;
    yields_ = 0;
    others_run_ = false;
  }

  /// There is no work at `now`. `rings`: some ring is awake. `peer_elsewhere`: its peer last ran on another
  /// CPU.
  [[nodiscard]] Next idle(Nanoseconds now, bool rings, bool peer_elsewhere) {
    if (!waiting_) {
      waiting_ = true;
      since_ = now;
    }
    if (peer_elsewhere) return now - since_ < look_budget_ ? Next::look : Next::sleep;
    if (!may_yield(now)) return Next::sleep;
    if (rings && yields_++ < yields_max) return Next::yield;
    return now - since_ < linger_ && !others_run_ ? Next::yield : Next::sleep;
  }
  [[nodiscard]] bool may_yield(Nanoseconds now) const { return now >= no_yield_before_; }

  /// A kick ended the sleep of this wait, at `now`.
  void kicked(Nanoseconds now) {
    if (!waiting_) return;
    const Nanoseconds waited = now - since_;
    const Nanoseconds fitting = waited < look_budget_max ? 2 * waited : look_budget_ / 2;
    look_budget_ = std::clamp(fitting, look_budget_min, look_budget_max);
  }

  /// An event ended the sleep of this wait, at `now`.
  void woken(Nanoseconds now) {
    if (!waiting_) return;
    const Nanoseconds waited = now - since_;
    linger_ = waited < linger_max ? std::min(2 * waited, linger_max) : linger_ / 2;
    worked();
  }

  /// The process gave up the CPU at `from` and got it back at `to`. A process that yields goes to the end of
  /// the run queue; a process that sleeps gets ahead when it is woken. So where others compete for the CPU,
  /// sleeping is the faster way to the peer.
  void yielded(Nanoseconds from, Nanoseconds to) {
    others_run_ = to - from > lone_yield;
    if (to - from < long_yield) return;
    no_yield_before_ = to + std::min(no_yield_factor * (to - from), no_yield_max);
  }

 private:
  bool waiting_ = false;
  int yields_ = 0;
  Nanoseconds since_{};
  Nanoseconds look_budget_ = look_budget_min;
  Nanoseconds linger_{};
  bool others_run_ = false;
  Nanoseconds no_yield_before_{};
};

}  // namespace ringside
