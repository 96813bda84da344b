// Real threads at a ring: correct rings pass, and errors that do not depend on timing are found.
#include "tools/ring_check/stress.h"

#include "test/ring_plugin.h"

namespace ring_stress_test {

using namespace ringside;
using namespace ringside::test;
using std::chrono::milliseconds;

namespace {

constexpr std::uint32_t messages = 200'000;
constexpr milliseconds time_max{250};

}  // namespace

TEST_CASE("correct rings pass messages between two threads that sleep") {
  const auto name = GENERATE(from_range(right_rings())) + "_O2";
  INFO(name);
  const Plugin plugin(name);
  const check::LongRun run = tools::stress_ring(plugin.subject(), messages, time_max);
  CHECK(run.broken == "");
  CHECK(run.messages > 0);
}

TEST_CASE("a ring that overwrites, repeats or misplaces is caught by its first messages") {
  const auto name = GENERATE(as<std::string>(), "mutant_06", "mutant_12", "mutant_30");
  INFO(name);
  const Plugin plugin(name);
  CHECK(tools::stress_ring(plugin.subject(), messages, time_max).broken != "");
}

TEST_CASE("an end that gets no notification is reported") {
  const Plugin plugin("mutant_21");
  const check::LongRun run = tools::stress_ring(plugin.subject(), messages, time_max);
  CHECK(run.broken == "the front slept for 10 s with work left, without a notification");
}

}  // namespace ring_stress_test
