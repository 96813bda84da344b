// Runs scenario files in the simulation, and compares golden journals: `ringside run` without processes,
// reports and options, so that the emulator can be built and run again quickly. See test/mutate_library.
//
// usage: library FILE.scn...     prints a line for each run that fails, and ends with 1 if one does
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "emu/script/run.h"
#include "emu/script/script.h"
#include "emu/script/sim_stage.h"
#include "tools/run/golden.h"

namespace {

using namespace ringside;

/// As in `ringside run`: what happens `together` is drawn apart from what the machine does.
constexpr std::uint64_t order_offset = 0x5eed;

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Error{errno, "cannot read", path, "", ""};
  return std::string(std::istreambuf_iterator<char>(file), {});
}

Choice choice_of(std::uint64_t seed, std::uint64_t offset) {
  return seed == script::plain_seed ? Choice::first() : Choice::seeded(seed + offset);
}

/// Why a run fails; empty if it passes.
std::string failure_of(const script::Scenario& scenario, const script::Sources& sources, std::uint64_t seed) {
  const auto factory = [seed](script::StagePlan plan) -> std::unique_ptr<script::Stage> {
    plan.seed = seed;
    plan.plain = seed == script::plain_seed;
    return std::make_unique<script::SimStage>(std::move(plan), choice_of(seed, 0));
  };
  script::Run run(scenario, factory, {.order = choice_of(seed, order_offset)});
  const script::RunRecord record = run.go();
  if (record.outcome == script::Outcome::could_not_run) return record.error.text();
  if (!record.failures.empty()) {
    const script::Failure& first = record.failures.front();
    return fmt::format("{}: {}", sources.place(first.marked), first.instead);
  }
  if (!scenario.setup.golden || seed != script::plain_seed) return "";
  return tools::golden_difference(tools::golden_path(scenario.path), tools::golden_run(scenario),
                                  tools::golden_text(record.state))
      .value_or("");
}

int failures_in(const std::string& path) {
  script::Script read = script::read_script(path, read_file);
  const auto runs = script::runs_of(read, script::Mode::sim, {});
  if (read.diagnostics.errors() != 0) {
    std::fputs(read.diagnostics.text(read.sources).c_str(), stdout);
    return 1;
  }
  int failures = 0;
  for (const script::Scenario& scenario : runs) {
    for (std::uint64_t seed = scenario.setup.seeds.first; seed <= scenario.setup.seeds.last; ++seed) {
      const std::string why = failure_of(scenario, read.sources, seed);
      if (why.empty()) continue;
      std::printf("FAIL %s seed %s: %s\n", scenario.name.c_str(), std::to_string(seed).c_str(), why.c_str());
      std::fflush(stdout);
      ++failures;
    }
  }
  return failures;
}

}  // namespace

int main(int count, char** words) {
  int failures = 0;
  for (int at = 1; at < count; ++at) failures += failures_in(words[at]);
  return failures == 0 ? 0 : 1;
}
