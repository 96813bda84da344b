// The subcommand `shrink`: finds the smallest scenario that still fails in the same way, and writes it to a
// file.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>

#include "emu/script/print.h"
#include "emu/script/shrink.h"
#include "tools/out_file.h"
#include "tools/run/run_files.h"
#include "tools/run/script_files.h"
#include "tools/run/select.h"

namespace ringside::tools {

namespace {

struct ShrinkOptions {
  RunSelection selection;
  RunJobOptions jobs;
  std::string output;
  std::uint64_t tries = 500;
  double seconds = 60;
};

/// Identifies the same failure in a shorter scenario.
struct Known {
  std::string line;     ///< the pattern of the failed expectation
  std::string instead;  ///< what was found instead
  script::Failure::Kind kind = script::Failure::Kind::missed;
};

std::vector<Known> failures_of(const script::Story& story) {
  std::vector<Known> known;
  if (story.outcome != script::Outcome::failed) return known;
  for (const script::Failure& each : story.failures)
    known.push_back({script::written(*each.pattern), each.instead, each.kind});
  return known;
}

/// A variant of the scenario without a possible cause of the failure.
struct Twin {
  bool plain = false;  ///< uses the plain order of events
  bool without_faults = false;
  bool without_quirks = false;
};

void drop_faults(std::vector<script::Statement>& statements) {
  std::erase_if(statements, [](const script::Statement& each) {
    const auto* act = std::get_if<script::Act>(&each.what);
    return act != nullptr && std::holds_alternative<script::Fault>(*act);
  });
  for (script::Statement& each : statements) {
    if (auto* block = std::get_if<script::Together>(&each.what)) drop_faults(block->statements);
  }
}

class Shrinking {
 public:
  Shrinking(const RunJob& job, const ShrinkOptions& options, Known known)
      : job_(job), options_(options), known_(std::move(known)) {
    for (const Twin& each : {Twin{true, false, false}, Twin{false, true, false}, Twin{false, false, true},
                             Twin{true, true, true}}) {
      if (twin_ || !passes(*job.scenario, each, job.seed)) continue;
      twin_ = each;
    }
    end_ = std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                                  std::chrono::duration<double>(options.seconds));
  }

  /// Returns a seed with which `candidate` still fails in the same way. A shorter scenario may need another
  /// seed. An expectation of something that can no longer happen also fails, but shows nothing. So the
  /// failure must disappear without its cause (the twin), or the same thing must be found instead.
  [[nodiscard]] std::optional<std::uint64_t> fails(const script::Scenario& candidate) const {
    script::Scenario checked = candidate;
    script::Diagnostics diagnostics;
    script::check(checked, diagnostics);
    if (diagnostics.errors() != 0) return {};
    for (std::uint64_t number = 0; number <= options_.tries && !late(); ++number) {
      const std::uint64_t seed = number == 0 ? candidate.setup.seeds.first : number;
      if (!fails_alike(checked, seed)) continue;
      if (!twin_ || passes(checked, *twin_, seed)) return seed;
    }
    return {};
  }

  /// The time is over; fails() finds nothing any more.
  [[nodiscard]] bool late() const { return std::chrono::steady_clock::now() >= end_; }

 private:
  [[nodiscard]] bool fails_alike(const script::Scenario& scenario, std::uint64_t seed) const {
    const Performed done = perform({job_.script, &scenario, seed}, options_.jobs);
    return std::ranges::any_of(failures_of(done.story), [this](const Known& each) {
      return each.line == known_.line && each.kind == known_.kind &&
             (twin_ || each.instead == known_.instead);
    });
  }

  [[nodiscard]] bool passes(const script::Scenario& scenario, const Twin& twin, std::uint64_t seed) const {
    script::Scenario sound = scenario;
    if (twin.without_faults) drop_faults(sound.statements);
    if (twin.without_quirks) sound.setup.quirks = {};
    const RunJob job{job_.script, &sound, twin.plain ? plain_seed : seed};
    return perform(job, options_.jobs).story.outcome == script::Outcome::passed;
  }

  const RunJob& job_;
  const ShrinkOptions& options_;
  Known known_;
  std::optional<Twin> twin_;
  std::chrono::steady_clock::time_point end_;
};

std::optional<RunJob> first_failure(const RunPlan& plan, const RunJobOptions& options, Known& known) {
  for (std::uint64_t number = 0; number < plan.jobs.size(); ++number) {
    const RunJob job = plan.jobs[number];
    const Performed done = perform(job, options);
    if (const auto all = failures_of(done.story); !all.empty()) {
      known = all.front();
      return job;
    }
  }
  return {};
}

Result<> write_scenario(const std::string& path, const std::string& text) {
  std::error_code problem;
  const auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, problem);
  return write_file("cannot write a scenario", path, text);
}

int shrink_command(const ShrinkOptions& options) {
  RunPlan plan;
  if (const int selected = select_jobs(options.selection, plan); selected != exit_good) return selected;
  if (!plan.unreadable.empty()) return exit_does_not_parse;
  Known known;
  const auto job = first_failure(plan, options.jobs, known);
  if (!job) {
    return failed({0, "nothing to shrink", options.selection.paths.front(),
                   fmt::format("all of its {} runs pass, or cannot run", plan.jobs.size()),
                   "--seed 1..500 tries more"});
  }
  script::Scenario failing = *job->scenario;
  failing.setup.seeds = {job->seed, job->seed};
  const std::size_t before = script::size_of(failing);
  const Shrinking shrinking(*job, options, known);
  const script::Shrunk shrunk = script::shrink(
      std::move(failing), [&](const script::Scenario& candidate) { return shrinking.fails(candidate); });
  std::string path = options.output;
  if (path.empty()) {
    const std::string stem = job->scenario->name.substr(0, job->scenario->name.find('['));
    path = (std::filesystem::path(options.jobs.out) / (stem + "-small.scn")).string();
  }
  const std::string text = fmt::format("# Shrunk by: {}\n# It fails at: {}\n{}",
                                       again_command({job->script, job->scenario, job->seed}), known.line,
                                       script::written(shrunk.scenario));
  if (auto done = write_scenario(path, text); !done) return failed(done.error());
  std::printf("%s: %zu lines of %zu are left, after %zu attempts%s\nringside run %s\n", path.c_str(),
              script::size_of(shrunk.scenario), before, shrunk.attempts,
              shrunk.finished && !shrinking.late() ? "" : " (it could be smaller)", path.c_str());
  return exit_good;
}

constexpr char shrink_examples[] =
    "Takes the first run that fails, and leaves out, shortens and turns off everything that the failure\n"
    "does not need. The result is a scenario of its own, with values in place of names. If the run\n"
    "passes in the plain order of events, without faults or without quirks, the result does so too, so\n"
    "that it shows the cause.\n"
    "Examples:\n"
    "  ringside shrink ring.scn --seed 1..500          the first seed that fails\n"
    "  ringside shrink typing.scn -p BYTES=481 -o small.scn";

}  // namespace

void add_shrink_command(Command app, Session& session) {
  Command command = app.add_subcommand("shrink", "Make the smallest scenario that still fails");
  command.footer(shrink_examples);
  const auto options = std::make_shared<ShrinkOptions>();
  add_selection(command, options->selection);
  command.add_option("-o,--output", options->output, "The file to write (default: out/NAME-small.scn)");
  command.add_option("--tries", options->tries, "Other seeds to try with each smaller scenario")
      .range(0, 10000)
      .show_default();
  command.add_option("--seconds", options->seconds, "How long to search for a smaller one")
      .range(0.001, 86400.0)
      .show_default();
  command.callback([&session, options] { session.run = [options] { return shrink_command(*options); }; });
}

}  // namespace ringside::tools
