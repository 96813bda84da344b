// The subcommand `shrink`: finds the smallest scenario that still fails for the same reason, and writes it to
// a file.
#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <memory>

#include "emu/script/print.h"
#include "emu/script/reason.h"
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

/// The seeds with which a smaller scenario is tried, until the time is over.
class Shrinking {
 public:
  Shrinking(const RunJob& job, const script::RunRecord& record, const ShrinkOptions& options)
      : tries_(options.tries),
        end_(std::chrono::steady_clock::now() +
             std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                 std::chrono::duration<double>(options.seconds))),
        play_([&job, &options](const script::Scenario& scenario, std::uint64_t seed) {
          return perform({job.script, &scenario, seed}, options.jobs).record;
        }),
        reason_(*job.scenario, job.seed, record, play_, [this] { return late(); }) {}

  /// Returns a seed with which `candidate` still fails for the same reason. If the order of events is a part
  /// of it, a shorter scenario may need another seed.
  [[nodiscard]] std::optional<std::uint64_t> fails(const script::Scenario& candidate) const {
    if (!late() && reason_.holds_for(candidate, candidate.setup.seeds.first))
      return candidate.setup.seeds.first;
    if (!reason_.depends_on_order()) return {};
    for (std::uint64_t seed = plain_seed + 1; seed <= tries_ && !late(); ++seed) {
      if (reason_.holds_for(candidate, seed)) return seed;
    }
    return {};
  }

  /// Whether the time is over. fails() then finds nothing.
  [[nodiscard]] bool late() const { return std::chrono::steady_clock::now() >= end_; }
  [[nodiscard]] const script::Reason& reason() const { return reason_; }

 private:
  std::uint64_t tries_;
  std::chrono::steady_clock::time_point end_;
  script::ScenarioRunner play_;
  script::Reason reason_;
};

std::optional<RunJob> first_failure(const RunPlan& plan, const RunJobOptions& options,
                                    script::RunRecord& record) {
  for (std::uint64_t number = 0; number < plan.jobs.size(); ++number) {
    const RunJob job = plan.jobs[number];
    record = perform(job, options).record;
    if (record.outcome == script::Outcome::failed) return job;
  }
  return {};
}

/// The smallest scenario as a file: how it was found, what fails, and why.
std::string file_text(const script::Scenario& scenario, const RunJob& job, const script::Reason& reason) {
  std::string text = fmt::format("# Shrunk by: {}\n# It fails with seed {} at: {}\n", again_command(job),
                                 scenario.setup.seeds.first, reason.line_in(scenario));
  for (const std::string& each : reason.met(scenario)) text += fmt::format("# It is met {}\n", each);
  return text + script::written(scenario);
}

Result<> write_scenario(const std::string& path, const std::string& text) {
  std::error_code problem;
  const auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, problem);
  return write_file("cannot write a scenario", path, text);
}

int shrink_command(const ShrinkOptions& options) {
  auto good = check_inputs_stay("cannot shrink", {options.output}, options.selection.paths);
  if (!good) {
    failed(good.error());
    return exit_usage;
  }
  RunPlan plan;
  if (const int selected = select_jobs(options.selection, plan); selected != exit_good) return selected;
  if (!plan.unreadable.empty()) return exit_does_not_parse;
  script::RunRecord record;
  const auto job = first_failure(plan, options.jobs, record);
  if (!job) {
    return failed({0, "nothing to shrink", options.selection.paths.front(),
                   fmt::format("all of its {} runs pass, or cannot run", plan.jobs.size()),
                   "--seed 1..500 tries more"});
  }
  const Shrinking shrinking(*job, record, options);
  script::Scenario failing = *job->scenario;
  failing.setup.seeds = {shrinking.reason().seed(), shrinking.reason().seed()};
  const std::size_t before = script::size_of(failing);
  const script::Shrunk shrunk = script::shrink(
      std::move(failing), [&](const script::Scenario& candidate) { return shrinking.fails(candidate); });
  std::string path = options.output;
  if (path.empty()) {
    const std::string stem = job->scenario->name.substr(0, job->scenario->name.find('['));
    path = (std::filesystem::path(options.jobs.out) / (stem + "-small.scn")).string();
  }
  if (auto done = write_scenario(path, file_text(shrunk.scenario, *job, shrinking.reason())); !done)
    return failed(done.error());
  std::printf(
      "%s: %zu lines of %zu are left, and fail with seed %llu, after %zu attempts%s\nringside run %s\n",
      path.c_str(), script::size_of(shrunk.scenario), before,
      static_cast<unsigned long long>(shrunk.scenario.setup.seeds.first), shrunk.attempts,
      shrunk.finished && !shrinking.late() ? "" : " (it could be smaller)", path.c_str());
  return exit_good;
}

constexpr char shrink_examples[] =
    "Takes the first run that fails, and leaves out, shortens and switches off everything that the failure\n"
    "does not need. The result is a scenario of its own, with values in place of names. If a text is\n"
    "shortened, the text that is expected of it is shortened, too. The cause of the failure is kept: if the\n"
    "line that fails would hold in the plain order of events, without faults, quirks or early answers, or\n"
    "without one of the other lines, the same is true of the result, and its comments say so. If no such\n"
    "cause is found, the result must come as far on its path as the original. The seed may change if the\n"
    "order of events is a cause; the result names the seed with which it fails.\n"
    "Examples:\n"
    "  ringside shrink ring.scn --seed 1..500          the first seed that fails\n"
    "  ringside shrink typing.scn -p BYTES=481 -o small.scn";

}  // namespace

void add_shrink_command(Command app, Session& session) {
  Command command = app.add_subcommand("shrink", "Make the smallest scenario that still fails");
  command.footer(shrink_examples);
  const auto options = std::make_shared<ShrinkOptions>();
  add_selection(command, options->selection);
  command.add_option("-o,--output", options->output, "The file to write (default: out/NAME-small.scn)")
      .type_name("FILE");
  command.add_option("--tries", options->tries, "Other seeds to try with each smaller scenario")
      .range(0, 10000)
      .show_default();
  command.add_option("--seconds", options->seconds, "Seconds to search for a smaller scenario")
      .range(0.001, 86400.0)
      .show_default();
  command.callback([&session, options] { session.run = [options] { return shrink_command(*options); }; });
}

}  // namespace ringside::tools
