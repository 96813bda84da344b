// shrink: the smallest scenario that still fails in the same way, as a file of its own.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>

#include "emu/script/print.h"
#include "emu/script/shrink.h"
#include "tools/run_select.h"

namespace ringside::tools {

namespace {

struct Options {
  RunSelection selection;
  RunJobOptions jobs;
  std::string output;
  std::uint64_t tries = 20;
};

/// By what a failure is known again, in a scenario that is shorter: the line that was not met.
std::vector<std::string> failures_of(const script::Story& story) {
  std::vector<std::string> lines;
  if (story.outcome != script::Outcome::failed) return lines;
  for (const script::Failure& each : story.failures) lines.push_back(script::written(*each.pattern));
  return lines;
}

std::optional<RunJob> first_failure(const RunPlan& plan, const RunJobOptions& options, std::string& line) {
  for (const RunJob& job : plan.jobs) {
    const Performed done = perform(job, options);
    if (const auto lines = failures_of(done.story); !lines.empty()) {
      line = lines.front();
      return job;
    }
  }
  return {};
}

/// What was tried with one seed may need another one when there is less of it.
script::StillFails failing_with(const RunJob& job, const Options& options, const std::string& line) {
  return [&job, &options, line](const script::Scenario& candidate) -> std::optional<std::uint64_t> {
    for (std::uint64_t number = 0; number <= options.tries; ++number) {
      const std::uint64_t seed = number == 0 ? candidate.setup.seeds.first : number;
      const Performed done = perform({job.script, &candidate, seed}, options.jobs);
      const auto lines = failures_of(done.story);
      if (std::ranges::find(lines, line) != lines.end()) return seed;
    }
    return {};
  };
}

Result<> write_scenario(const std::string& path, const std::string& text) {
  std::error_code problem;
  const auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, problem);
  std::ofstream file(path);
  file << text;
  file.close();
  if (!file) return Error{EIO, "cannot write a scenario", path, "the file system refuses it", ""};
  return Done{};
}

int shrink_command(const Options& options) {
  RunPlan plan;
  if (const int selected = select_jobs(options.selection, plan); selected != exit_good) return selected;
  std::string line;
  const auto job = first_failure(plan, options.jobs, line);
  if (!job) {
    return failed({0, "nothing to shrink", options.selection.paths.front(),
                   fmt::format("all of its {} runs pass, or cannot run", plan.jobs.size()),
                   "--seed 1..500 tries more"});
  }
  script::Scenario failing = *job->scenario;
  failing.setup.seeds = {job->seed, job->seed};
  const std::size_t before = script::size_of(failing);
  const script::Shrunk shrunk = script::shrink(std::move(failing), failing_with(*job, options, line));
  std::string path = options.output;
  if (path.empty()) {
    const std::string stem = job->scenario->name.substr(0, job->scenario->name.find('['));
    path = (std::filesystem::path(options.jobs.out) / (stem + "-small.scn")).string();
  }
  const std::string text = fmt::format("# Shrunk by: {}\n# It fails at: expect {}\n{}",
                                       again_command({job->script, job->scenario, job->seed}), line,
                                       script::written(shrunk.scenario));
  if (auto done = write_scenario(path, text); !done) return failed(done.error());
  std::printf("%s: %zu lines of %zu are left, after %zu attempts%s\nringside run %s\n", path.c_str(),
              script::size_of(shrunk.scenario), before, shrunk.attempts,
              shrunk.finished ? "" : " (it could be smaller)", path.c_str());
  return exit_good;
}

constexpr char examples[] =
    "Takes the first run that fails, and leaves out, shortens and turns off whatever it fails without. What "
    "is\n"
    "left is a scenario of its own, with values in place of names.\n"
    "Examples:\n"
    "  ringside shrink ring.scn --seed 1..500          the first seed that fails\n"
    "  ringside shrink typing.scn -p BYTES=481 -o small.scn";

}  // namespace

void add_shrink_command(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("shrink", "Make the smallest scenario that still fails");
  command->footer(examples);
  const auto options = std::make_shared<Options>();
  add_selection(*command, options->selection);
  command->add_option("-o,--output", options->output, "Where to (default: out/NAME-small.scn)");
  command->add_option("--tries", options->tries, "Other seeds to try with each smaller scenario")
      ->check(CLI::Range(0, 10000))
      ->capture_default_str();
  command->callback([&session, options] { session.run = [options] { return shrink_command(*options); }; });
}

}  // namespace ringside::tools
