// How a process waits for the other side of a ring: look for a while, or sleep at once. Only the decision is
// here; the loop acts on it.
//
// Sleeping costs a wake-up, some 30 to 45 us across CPUs, against 1 or 2 us for a switch on one CPU. So a
// peer on another CPU is looked for a little longer than its wake-up would take, and a peer on our own CPU is
// given that CPU. Nothing here is needed for correctness, and no value in shared memory can make it wait
// longer than the budget.
#pragma once

#include <chrono>
#include <cstdint>

namespace ringside {

class WaitPolicy {
 public:
  /// Must exceed a wake-up across CPUs, or every wait ends in the sleep it was meant to avoid.
  static constexpr std::chrono::nanoseconds look_budget = std::chrono::microseconds(60);
  static constexpr int yields_max = 3;

  enum class Next : std::uint8_t {
    look,   ///< look again without giving up the CPU
    yield,  ///< give the CPU to whoever shares it, then look again
    sleep,
  };

  /// There was something to do: the next wait starts afresh.
  void worked() {
    waiting_ = false;
    yields_ = 0;
  }

  /// Nothing to do at `now`. `peer_elsewhere`: some awaited peer last ran on another CPU.
  [[nodiscard]] Next idle(std::chrono::nanoseconds now, bool peer_elsewhere) {
    if (!waiting_) {
      waiting_ = true;
      since_ = now;
    }
    if (!peer_elsewhere) return yields_++ < yields_max ? Next::yield : Next::sleep;
    return now - since_ < look_budget ? Next::look : Next::sleep;
  }

 private:
  bool waiting_ = false;
  int yields_ = 0;
  std::chrono::nanoseconds since_{};
};

}  // namespace ringside
