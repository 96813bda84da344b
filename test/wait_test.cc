// The time for which a process polls before it sleeps, and when it yields its CPU.
#include "emu/host/wait.h"

#include "test/catch.h"

namespace wait_test {

using namespace ringside;
using namespace std::chrono_literals;
using Next = WaitPolicy::Next;

namespace {

constexpr std::chrono::nanoseconds start = 1h;

/// Yields the CPU for `length` at `now`.
void yield_for(WaitPolicy& policy, std::chrono::nanoseconds now, std::chrono::nanoseconds length) {
  REQUIRE(policy.idle(now, true, false) == Next::yield);
  policy.yielded(now, now + length);
}

}  // namespace

TEST_CASE("a peer on another CPU is polled for until the budget is used up", "[wait]") {
  WaitPolicy policy;
  CHECK(policy.idle(start, true, true) == Next::look);
  CHECK(policy.idle(start + WaitPolicy::look_budget_min - 1ns, true, true) == Next::look);
  CHECK(policy.idle(start + WaitPolicy::look_budget_min, true, true) == Next::sleep);
  policy.worked();
  CHECK(policy.idle(start + WaitPolicy::look_budget_min, true, true) == Next::look);
}

TEST_CASE("the budget grows where kicks come soon after it is spent, and shrinks where they do not",
          "[wait]") {
  WaitPolicy policy;
  const auto spent_after = [&](std::chrono::nanoseconds kick) {
    REQUIRE(policy.idle(start, true, true) == Next::look);
    std::chrono::nanoseconds spent{};
    while (policy.idle(start + spent, true, true) == Next::look) spent += 1us;
    policy.kicked(start + kick);
    policy.worked();
    return spent;
  };
  CHECK(spent_after(100us) == WaitPolicy::look_budget_min);
  CHECK(spent_after(WaitPolicy::look_budget_max - 1ns) == 200us);
  CHECK(spent_after(1s) == WaitPolicy::look_budget_max);
  CHECK(spent_after(1s) == WaitPolicy::look_budget_max / 2);
  CHECK(spent_after(1s) == WaitPolicy::look_budget_min + 3us);
  CHECK(spent_after(1us) == WaitPolicy::look_budget_min);
  CHECK(spent_after(1us) == WaitPolicy::look_budget_min);
}

TEST_CASE("the CPU is yielded to a peer on it a few times, then the wait sleeps", "[wait]") {
  WaitPolicy policy;
  for (int i = 0; i < WaitPolicy::yields_max; ++i) yield_for(policy, start, 2us);
  CHECK(policy.idle(start, true, false) == Next::sleep);
  policy.worked();
  CHECK(policy.idle(start, true, false) == Next::yield);
}

TEST_CASE("after another process took the CPU it is not yielded again for a multiple of that time",
          "[wait]") {
  WaitPolicy policy;
  yield_for(policy, start, WaitPolicy::long_yield);
  const auto back = start + WaitPolicy::long_yield;
  const auto again = back + WaitPolicy::no_yield_factor * WaitPolicy::long_yield;
  policy.worked();
  CHECK(policy.idle(back, true, false) == Next::sleep);
  CHECK(policy.idle(again - 1ns, true, false) == Next::sleep);
  policy.worked();
  CHECK(policy.idle(again, true, false) == Next::yield);
}

TEST_CASE("yielding is tried again, even after another process kept the CPU for long", "[wait]") {
  WaitPolicy policy;
  yield_for(policy, start, 1h);
  CHECK(policy.idle(start + 1h + WaitPolicy::no_yield_max - 1ns, true, false) == Next::sleep);
  CHECK(policy.idle(start + 1h + WaitPolicy::no_yield_max, true, false) == Next::yield);
}

TEST_CASE("a peer on another CPU is polled for even while the CPU is not yielded", "[wait]") {
  WaitPolicy policy;
  yield_for(policy, start, 10ms);
  policy.worked();
  CHECK(policy.idle(start + 11ms, true, true) == Next::look);
}

TEST_CASE("descriptors are polled for as long as their last waits have taken, and no longer than a limit",
          "[wait]") {
  WaitPolicy policy;
  const auto polled_after_wait_of = [&](std::chrono::nanoseconds wait) {
    std::chrono::nanoseconds polled{};
    while (policy.idle(start + polled, false, false) == Next::yield) {
      policy.yielded(start + polled, start + polled);
      polled += 1us;
    }
    policy.woken(start + wait);
    return polled;
  };
  CHECK(polled_after_wait_of(40us) == 0us);
  CHECK(polled_after_wait_of(WaitPolicy::linger_max - 1ns) == 80us);
  CHECK(polled_after_wait_of(1s) == WaitPolicy::linger_max);
  CHECK(polled_after_wait_of(1s) == WaitPolicy::linger_max / 2);
  for (int wait = 0; wait < 40; ++wait) (void)polled_after_wait_of(1s);
  CHECK(polled_after_wait_of(1s) == 0us);
}

TEST_CASE("descriptors are not polled for where others need the CPU", "[wait]") {
  WaitPolicy policy;
  REQUIRE(policy.idle(start, false, false) == Next::sleep);
  policy.woken(start + 40us);
  REQUIRE(policy.idle(start, false, false) == Next::yield);
  policy.yielded(start, start + WaitPolicy::lone_yield);
  REQUIRE(policy.idle(start, false, false) == Next::yield);
  policy.yielded(start, start + WaitPolicy::lone_yield + 1ns);
  CHECK(policy.idle(start, false, false) == Next::sleep);
  policy.woken(start + 40us);
  CHECK(policy.idle(start, false, false) == Next::yield);
}

}  // namespace wait_test
