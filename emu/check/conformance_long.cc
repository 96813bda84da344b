// Long runs: both ends' calls in a random order that a seed decides.
#include <random>

#include "emu/check/conformance.h"

namespace ringside::check {

namespace {

/// The work of both ends, one turn at a time. The only turn of an end that sleeps is to wake.
class Ends {
 public:
  Ends(Pair& pair, std::uint64_t seed, std::uint64_t messages)
      : pair_(pair), random_(seed), messages_(messages) {}

  [[nodiscard]] bool done() const { return finished_ == messages_; }
  [[nodiscard]] std::uint64_t finished() const { return finished_; }

  void step() {
    const auto side = random_() % 2 == 0 ? RING_CHECK_FRONT : RING_CHECK_BACK;
    if (asleep_[side]) {
      // An end takes an event some time after it was raised.
      if (random_() % 4 == 0) asleep_[side] = !pair_.wake(side);
    } else if (side == RING_CHECK_FRONT) {
      front();
    } else {
      back();
    }
  }

 private:
  [[nodiscard]] bool answers() const { return pair_.can(RING_CHECK_RESPONSES); }

  void front() {
    bool moved = false;
    if (random_() % 2 == 0 && pair_.put_count() < messages_) {
      const bool batch = random_() % 4 == 0;
      moved = pair_.put(!batch);
      unpublished_requests_ = moved ? batch : unpublished_requests_;
    } else if (answers() && pair_.take_response()) {
      moved = true;
      ++finished_;
    }
    if (moved) return;
    // An end sleeps only after it has found nothing more.
    if (answers() && pair_.take_response()) {
      ++finished_;
      return;
    }
    if (unpublished_requests_) pair_.publish_requests();
    unpublished_requests_ = false;
    // No message is due, or there is no room: the front may sleep until a response arrives.
    if (!may_put()) asleep_[RING_CHECK_FRONT] = pair_.sleep(RING_CHECK_FRONT);
  }

  [[nodiscard]] bool may_put() { return pair_.put_count() < messages_ && !pair_.was_refused(); }

  void back() {
    if (random_() % 2 == 0 && pair_.take()) {
      if (!answers()) ++finished_;
      return;
    }
    if (answers() && pair_.unanswered() != 0) {
      const bool batch = random_() % 4 == 0;
      if (!pair_.answer(!batch)) throw CheckFailed{"there was no room for a response"};
      unpublished_responses_ = batch;
      return;
    }
    if (unpublished_responses_) pair_.publish_responses();
    unpublished_responses_ = false;
    if (!pair_.take())
      asleep_[RING_CHECK_BACK] = pair_.sleep(RING_CHECK_BACK);
    else if (!answers())
      ++finished_;
  }

  Pair& pair_;
  std::mt19937_64 random_;
  std::uint64_t messages_;
  std::uint64_t finished_ = 0;
  bool asleep_[2] = {false, false};
  bool unpublished_requests_ = false;
  bool unpublished_responses_ = false;
};

// More steps in a row without an arriving message are an error.
constexpr std::uint64_t idle_steps_max = 100'000;

}  // namespace

LongRun run_long(const Subject& subject, std::uint64_t seed, std::uint64_t messages) {
  LongRun run;
  try {
    const bool any_start = (subject.ring->capabilities & RING_CHECK_ANY_START) != 0;
    // Half of the messages come before the wrap, if there is one.
    Pair pair(subject.with_habits(), any_start ? 0u - static_cast<std::uint32_t>(messages / 2) : 0);
    Ends ends(pair, seed, messages);
    std::uint64_t idle = 0;
    while (!ends.done()) {
      ends.step();
      ++run.calls;
      idle = ends.finished() == run.messages ? idle + 1 : 0;
      run.messages = ends.finished();
      if (idle == idle_steps_max)
        throw CheckFailed{"no message arrives any more, although no end with work sleeps"};
    }
    pair.check_surroundings();
  } catch (const CheckFailed& broken) {
    run.broken = broken.why;
  }
  return run;
}

}  // namespace ringside::check
