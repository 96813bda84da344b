// The subcommand `run`: carries out scenarios and reports the results.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>

#include "emu/host/domain_words.h"
#include "tools/out_file.h"
#include "tools/run/golden.h"
#include "tools/run/index_page.h"
#include "tools/run/interruption.h"
#include "tools/run/outputs.h"
#include "tools/run/run_files.h"
#include "tools/run/script_files.h"
#include "tools/run/select.h"

namespace ringside::tools {

namespace {

using script::Scenario;

struct RunOptions {
  RunSelection selection;
  std::string mode = "sim";
  unsigned threads = 1;
  std::string junit;
  std::string tape;
  std::string replay;
  bool tap = false;
  bool json = false;
  bool list = false;
  bool dry_run = false;
  bool until_failure = false;
  double timeout_s = 60;
  RunJobOptions jobs;
};

void list(const RunPlan& plan, bool each_run) {
  const Scenario* last = nullptr;
  for (std::uint64_t number = 0; number < plan.jobs.size(); ++number) {
    const RunJob job = plan.jobs[number];
    if (each_run) {
      std::printf("%s\n", again_command(job).c_str());
    } else if (job.scenario != last) {
      std::printf("%-40s %s\n", job.scenario->name.c_str(), job.scenario->setup.title.c_str());
    }
    last = job.scenario;
  }
}

/// The exit status of a call. A file that does not parse comes first, because its scenarios were not run.
int status_of(const RunPlan& plan, const RunOutput& output) {
  if (!plan.unreadable.empty()) return exit_does_not_parse;
  if (output.failed() != 0) return exit_expectation_failed;
  return output.could_not_run() != 0 ? exit_could_not_run : exit_good;
}

RunFormat format_of(const RunOptions& options) {
  return options.tap ? RunFormat::tap : options.json ? RunFormat::json : RunFormat::people;
}

int perform(RunOptions& options, RunPlan& plan) {
  // A single run writes one file, unless the path is a folder.
  const bool one = plan.jobs.size() == 1 && plan.jobs[0].real == nullptr;
  for (RunPlace* place : {&options.jobs.journal, &options.jobs.html, &options.jobs.pcap})
    place->is_file = one && !place->path.ends_with('/') && !std::filesystem::is_directory(place->path);
  options.jobs.timeout = std::chrono::duration<double>(options.timeout_s);
  RunOutput output(format_of(options), options.junit, options.until_failure ? 0 : plan.jobs.size());
  output.begin(plan.unreadable);
  const auto began = std::chrono::steady_clock::now();
  Result<> taped = Done{};
  GoldenUpdate golden;
  IndexPage index;
  const bool has_index = options.jobs.html.wanted() && !options.jobs.html.is_file;
  const auto done = [&](std::uint64_t number, const RunResult& result) {
    const RunJob job = plan.jobs[number];
    output.result(job, result);
    if (has_index) index.add(job, result);
    const Scenario& scenario = *job.scenario;
    if (!result.golden.empty()) golden.add(golden_path(scenario.path), golden_run(scenario), result.golden);
    if (!options.tape.empty()) taped = write_tape(options.tape, result.tape);
    return !options.until_failure || output.failed() + output.could_not_run() == 0;
  };
  const RunInterruption interruption;
  for (bool again = true; again;) {
    run_jobs(plan.jobs, options.jobs, options.threads, done);
    again = options.until_failure && status_of(plan, output) == exit_good && RunInterruption::signal() == 0;
    plan.jobs.take_later_seeds();
  }
  const int signal = RunInterruption::signal();
  auto ended = output.end(std::chrono::steady_clock::now() - began, signal);
  if (!ended) return failed(ended.error());
  if (has_index) {
    auto indexed = index.write(options.jobs.html.path, plan.unreadable,
                               signal == 0 ? "" : "the runs ended early, by a signal");
    if (!indexed) return failed(indexed.error());
  }
  if (signal != 0) return status_of_signal_0 + signal;
  if (!taped) return failed(taped.error());
  auto written = golden.write();
  if (!written) return failed(written.error());
  for (const std::string& line : *written) std::fprintf(stderr, "%s\n", line.c_str());
  return status_of(plan, output);
}

/// Refuses --update if a golden journal would remain unchanged without a message.
int check_update(const RunPlan& plan) {
  bool writes = false;
  for (const auto& [first, runs_plain] : plan.jobs.with_seed(plain_seed)) {
    const Scenario& scenario = *first.scenario;
    if (!scenario.setup.golden) continue;
    writes = true;
    if (runs_plain && scenario.mode == script::Mode::sim) continue;
    return bad_selection(
        "--update " + scenario.name,
        "a golden journal is that of the simulated run with seed 1, which is not among these",
        "leave out --seed and --mode");
  }
  if (writes) return exit_good;
  return bad_selection("--update", "none of these scenarios says `golden`", "add the line: golden");
}

std::vector<std::string> outputs_of_runs(const RunOptions& options) {
  return {options.jobs.journal.path, options.jobs.html.path, options.jobs.pcap.path};
}

/// Whether the options are possible with these runs.
int check_options(const RunOptions& options, const RunPlan& plan) {
  if (plan.jobs.size() == 1) {
    if (auto distinct = check_distinct("cannot run", outputs_of_runs(options)); !distinct) {
      failed(distinct.error());
      return exit_usage;
    }
  }
  if ((!options.tape.empty() || !options.replay.empty()) && plan.jobs.size() != 1 && plan.unreadable.empty())
    return bad_selection("", fmt::format("a tape holds one run, and these are {}", plan.jobs.size()),
                         "choose one with -p, --name and --seed");
  if (options.jobs.update) {
    if (!options.selection.shard.empty()) {
      return bad_selection("--update --shard " + options.selection.shard,
                           "a golden journal has all runs of its scenario, and a shard is a part of them",
                           "leave out --shard");
    }
    if (const int checked = check_update(plan); checked != exit_good) return checked;
  }
  if (!options.junit.empty() && plan.jobs.size() > run_junit_cases_max)
    return bad_selection(
        "--junit " + options.junit,
        fmt::format("a report has at most {} runs, and these are {}", run_junit_cases_max, plan.jobs.size()),
        "--shard 1/10");
  return exit_good;
}

int run_command(RunOptions& options) {
  using script::Mode;
  if (options.mode == "real") options.selection.modes = {Mode::real};
  options.jobs.strict = options.selection.strict;
  if (options.mode == "both") options.selection.modes = {Mode::sim, Mode::real};
  const bool only_names = options.list || options.dry_run;
  // Reading stdin or a fifo may block for long.
  const EarlyInterruption interruption(
      [format = format_of(options)](int signal) { return interrupted_early(format, signal); });
  std::vector<std::string> inputs = options.selection.paths;
  inputs.push_back(options.replay);
  const std::vector<std::string> of_runs = outputs_of_runs(options);
  std::vector<std::string> outputs = of_runs;
  outputs.insert(outputs.end(), {options.junit, options.tape});
  auto checked_outputs = check_outputs("cannot run", outputs, inputs);
  // The files of several runs are in folders, and several folders may be the same.
  for (const std::string& each : of_runs) {
    if (checked_outputs) checked_outputs = check_distinct("cannot run", {options.junit, options.tape, each});
  }
  if (!checked_outputs) {
    failed(checked_outputs.error());
    return exit_usage;
  }
  if (!options.junit.empty() && !only_names) {
    if (auto begun = begin_junit(options.junit, run_junit_name); !begun) return failed(begun.error());
  }
  RunPlan plan;
  if (const int selected = select_jobs(options.selection, plan); selected != exit_good) return selected;
  if (plan.only_simulated != 0)
    std::fprintf(stderr, "%zu runs only make sense in the simulation, and are left out with processes\n",
                 plan.only_simulated);
  if (only_names) {
    list(plan, options.dry_run);
    return plan.unreadable.empty() ? exit_good : exit_does_not_parse;
  }
  if (const int checked = check_options(options, plan); checked != exit_good) return checked;
  Tape replayed;
  if (!options.replay.empty()) {
    auto tape = read_tape(options.replay);
    if (!tape) return failed(tape.error());
    replayed = std::move(*tape);
    options.jobs.replay = &replayed;
    options.jobs.replay_path = options.replay;
  }
  return perform(options, plan);
}

constexpr char run_examples[] =
    "Every run is one scenario with one choice of values and one seed; the same seed gives the same\n"
    "journal. A failed run writes its journal to the folder of --out, and prints the command that runs\n"
    "it again. A file that does not parse is a failed result, and the others run. SIGINT, SIGTERM and\n"
    "SIGHUP end the command early, with a report of the completed runs. With --junit no report of an\n"
    "earlier call remains, unless the command line itself is refused.\n"
    "A scenario without expectations, and a `never` that was never tested, prove nothing. Each gets a\n"
    "warning. With --strict the run fails, or every run of the file if the warning is about a file; a CI\n"
    "should use it.\n"
    "Exit status: 0 all passed, 1 usage, 2 a file does not parse, else 4 an expectation failed, else 3\n"
    "could not run; 128 + the number of the signal that ended it.\n"
    "Examples:\n"
    "  ringside run hello.scn\n"
    "  ringside run hello.scn --journal hello.jsonl        and then: ringside view hello.jsonl --text\n"
    "  ringside run scenarios -j 4 --junit results.xml     a folder, four at a time\n"
    "  ringside run hello.scn --html hello.html            a replay page for a browser\n"
    "  ringside run scenarios --html pages                 pages/index.html: all lessons, their runs and "
    "verdicts\n"
    "  ringside run hello.scn --pcap hello.pcapng          for Wireshark\n"
    "  ringside run typing.scn -p BYTES=481 --seed 7       one of its cases\n"
    "  ringside run ring.scn --seed 1..500                 500 orders of the same events\n"
    "  ringside run ring.scn --until-failure               until a run fails\n"
    "  ringside run scenarios --shard 2/3 --tap            the second third, for a CI\n"
    "  ringside run scenarios --strict --junit r.xml --keep-failed failed     what a CI keeps: r.xml and "
    "failed/\n"
    "  ringside run hello.scn --update                     accept its present golden journal, hello.journal\n"
    "  ringside run ring.scn --seed 7 --tape t; ringside run ring.scn --replay t";

void add_options(Command command, RunOptions& its) {
  add_selection(command, its.selection);
  command.add_option("--mode", its.mode, "Run in the simulation (sim), with processes (real), or both")
      .one_of({"sim", "real", "both"})
      .show_default();
  command.add_option("-j,--jobs", its.threads, "Runs at the same time")
      .range(1u, run_threads_max)
      .show_default();
  command.add_option("--shard", its.selection.shard, "Run only the I-th of N equal parts").type_name("I/N");
  command.add_option("--timeout", its.timeout_s, "Seconds of real time that a run may take")
      .range(0.001, 86400.0)
      .show_default();
  command
      .add_option("--time-scale", its.jobs.time_scale,
                  "Multiply the limits of expectations (default: 1; with processes 50, and 10 s at least)")
      .range(0.01, 1000.0)
      .show_default();
  command.add_option("--out", its.jobs.out, "The folder for journals of failed runs")
      .type_name("DIR")
      .show_default();
  command
      .add_option("--keep-failed", its.jobs.keep_failed,
                  "Write a folder for each failed run into this one, for a CI: report, scenario, journal, "
                  "page, capture")
      .type_name("DIR");
  command
      .add_option("--journal", its.jobs.journal.path,
                  "Write the journal of every run there: a file for one run, else a folder")
      .type_name("PATH");
  command
      .add_option("--html", its.jobs.html.path,
                  "Write a replay page of every run there: a file for one run, else a folder with an "
                  "index.html")
      .type_name("PATH");
  command
      .add_option("--pcap", its.jobs.pcap.path,
                  "Write a capture of every run there, for Wireshark: a file for one run, else a folder")
      .type_name("PATH");
  command.add_option("--junit", its.junit, "Write the results there, as JUnit XML").type_name("FILE");
  const Option tap = command.add_flag("--tap", its.tap, "Print the results as TAP");
  command.add_flag("--json", its.json, "Print the results as JSON, one object a line").excludes(tap);
  command.add_flag("--list", its.list, "Run nothing: name the scenarios");
  command.add_flag("--dry-run", its.dry_run, "Run nothing: print the command of each run");
  command.add_flag("--strict", its.selection.strict,
                   "Warnings count as failures: runs that prove nothing fail");
  command.add_flag("--until-failure", its.until_failure, "Repeat with new seeds until a run fails");
  command.add_flag("--twice", its.jobs.twice, "Do each run twice; it is an error if the journals differ");
  command.add_flag("--keep", its.jobs.keep_journals, "Keep the journals of runs that passed, too");
  const Option update =
      command.add_flag("--update", its.jobs.update,
                       "Write the golden journals of scenarios that say `golden`, instead of comparing");
  command.add_option("--tape", its.tape, "Write every choice of the run there").type_name("FILE");
  command.add_option("--replay", its.replay, "Repeat the choices of this tape")
      .type_name("FILE")
      .excludes(update);
}

}  // namespace

void add_run_command(Command app, Session& session) {
  Command command = app.add_subcommand("run", "Run scenarios, and report the results");
  command.footer(run_examples);
  const auto options = std::make_shared<RunOptions>();
  add_options(command, *options);
  command.callback([&session, options] { session.run = [options] { return run_command(*options); }; });
}

}  // namespace ringside::tools
