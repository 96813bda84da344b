// Measures scenarios in simulation: runs a second, speed compared with real time, the cost of a journal
// entry, and how all of these grow with the number of domains. The peer is one domain.
#include <chrono>
#include <deque>

#include "emu/script/run.h"
#include "emu/script/script.h"
#include "emu/script/sim_stage.h"
#include "tools/bench/bench.h"

namespace ringside::tools::bench {

namespace {

constexpr std::size_t domain_counts[] = {1, 10, 100, 1000};
constexpr std::size_t quick_rounds = 2;
constexpr std::size_t quick_domains = 10;

/// A scenario: all domains boot, dom1 prints a word, and a user sees it.
std::string scenario_with(std::size_t domains) {
  return fmt::format(
      "scenario \"Hello\"\nmode sim\ntimeout 10s\nxen boots dom1{0}\nuser connects to dom1\n"
      "dom1 prints \"hello\"\nexpect user sees \"hello\"\n",
      domains == 1 ? "" : fmt::format("..dom{}", domains));
}

struct Sample {
  double runs = 0;
  double seconds = 0;
  double virtual_seconds = 0;
  double entries = 0;
};

Result<Sample> sample_of(const script::Scenario& scenario, double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto make = [](script::StagePlan plan) -> std::unique_ptr<script::Stage> {
    return std::make_unique<script::SimStage>(std::move(plan), Choice::first());
  };
  Sample sample;
  const auto began = Clock::now();
  do {
    script::Run run(scenario, make, {});
    const script::RunRecord record = run.go();
    if (record.outcome != script::Outcome::passed) {
      return Error{EPROTO, "cannot measure scenarios", scenario.name, "it does not pass",
                   "ringside run scenarios"};
    }
    ++sample.runs;
    sample.virtual_seconds += std::chrono::duration<double>(record.ended - record.began).count();
    sample.entries += static_cast<double>(record.state.steps());
    sample.seconds = std::chrono::duration<double>(Clock::now() - began).count();
  } while (sample.seconds < seconds);
  return sample;
}

}  // namespace

Result<std::vector<Table>> measure_script(const BenchLimits& limits, const Interruption&) {
  Table table{.part = "script",
              .place = "sim",
              .title = "scenarios in simulation: boot, print a word, see it",
              .peer = "1 domain",
              .columns = {{"runs_per_second", "runs/s", 1},
                          {"virtual_seconds_per_second", "virtual s/s", 1},
                          {"entries_per_second", "million entries/s", 1e6}},
              .rows = {},
              .missing = {}};
  std::deque<script::Script> scripts;  // `runs` points into them
  std::vector<std::vector<script::Scenario>> runs;
  for (const std::size_t domains : domain_counts) {
    if (limits.rounds <= quick_rounds && domains > quick_domains) continue;
    const std::string text = scenario_with(domains);
    scripts.push_back(script::read_script(
        "hello.scn", [&text](const std::string&) -> Result<std::string> { return text; }));
    runs.push_back(script::runs_of(scripts.back(), script::Mode::sim, {}));
    if (runs.back().size() != 1) {
      return Error{EPROTO, "cannot measure scenarios", "hello.scn",
                   scripts.back().diagnostics.text(scripts.back().sources), ""};
    }
    table.rows.push_back({fmt::format("{} domain{}", domains, domains == 1 ? "" : "s"),
                          std::vector<std::vector<double>>(table.columns.size()),
                          {}});
  }
  for (std::size_t round = 0; round < limits.rounds; ++round) {
    for (std::size_t at = 0; at < runs.size(); ++at) {
      auto sample = sample_of(runs[at][0], limits.sample_seconds);
      if (!sample) return sample.error();
      table.rows[at].samples[0].push_back(sample->runs / sample->seconds);
      table.rows[at].samples[1].push_back(sample->virtual_seconds / sample->seconds);
      table.rows[at].samples[2].push_back(sample->entries / sample->seconds);
    }
  }
  return std::vector<Table>{std::move(table)};
}

}  // namespace ringside::tools::bench
