// Runs jobs of `ringside run`, and makes their results.
#include "tools/run/jobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "emu/script/agreement.h"
#include "emu/script/journal_of.h"
#include "emu/script/sim_stage.h"
#include "emu/trace/quote.h"
#include "tools/in_file.h"
#include "tools/out_file.h"
#include "tools/run/golden.h"
#include "tools/run/interruption.h"
#include "tools/run/real_stage.h"
#include "tools/run/run_files.h"

namespace ringside::tools {

namespace {

/// A choice takes a few bytes, and the longest runs make some millions.
constexpr std::uint64_t tape_bytes_max = std::uint64_t{1} << 28;
constexpr char tape_heading[] = "ringside tape 1";

/// Whether a signal has stopped the run.
bool is_interrupted(script::Outcome outcome) {
  return outcome == script::Outcome::could_not_run && RunInterruption::signal() != 0;
}

std::string first_of(const RunJob& job, const script::RunRecord& record) {
  if (record.outcome == script::Outcome::could_not_run) return record.error.text();
  if (record.failures.empty()) return "";
  const script::Failure& its = record.failures.front();
  return fmt::format("{}: {}", job.script->sources.place(its.marked), its.instead);
}

/// Seed 1, the default, stands for the plain order of events: nothing is late, cut or overtaken, so that a
/// lesson can count messages. All other seeds explore.
Choice choice_of(std::uint64_t seed, std::uint64_t offset) {
  return seed == plain_seed ? Choice::first() : Choice::seeded(seed + offset);
}

}  // namespace

Performed perform(const RunJob& job, const RunJobOptions& options) {
  using Clock = std::chrono::steady_clock;
  const auto began = Clock::now();
  Performed done;
  // The order in `together` blocks is drawn separately from the machine's choices, so that one more act does
  // not change those.
  constexpr std::uint64_t order_offset = 0x5eed;
  script::RunOptions run_options;
  run_options.order =
      options.replay != nullptr ? Choice::replay(options.replay->order) : choice_of(job.seed, order_offset);
  const bool real = job.scenario->mode == script::Mode::real;
  run_options.time_scale = options.time_scale.value_or(real ? real_time_scale : 1);
  if (real && !options.time_scale) run_options.limit_min = real_limit_min;
  const auto give_up = [&] {
    return RunInterruption::signal() != 0 || Clock::now() - began > options.timeout;
  };
  run_options.give_up = give_up;
  run_options.at_end = [&done](const script::Stage& stage) {
    if (const auto* simulated = dynamic_cast<const script::SimStage*>(&stage))
      done.choices = simulated->tape();
  };
  const auto factory = [&](script::StagePlan plan) -> std::unique_ptr<script::Stage> {
    plan.seed = job.seed;
    plan.plain = job.seed == plain_seed;
    if (real) return std::make_unique<RealStage>(std::move(plan), give_up);
    Choice choice =
        options.replay != nullptr ? Choice::replay(options.replay->choices) : choice_of(job.seed, 0);
    return std::make_unique<script::SimStage>(std::move(plan), std::move(choice));
  };
  script::Run run(*job.scenario, factory, std::move(run_options));
  done.record = run.go();
  return done;
}

namespace {

/// Makes a failure of warnings: an expectation that was never tested proves nothing. A warning about the file
/// counts for each of its runs.
void fail_for_warnings(const RunJob& job, const script::RunRecord& record, RunResult& result) {
  const script::Sources& sources = job.script->sources;
  const script::Diagnostics& of_file = job.script->diagnostics;
  result.outcome = script::Outcome::failed;
  result.failures = record.warnings.size() + of_file.warnings();
  if (of_file.warnings() != 0) {
    const script::Diagnostic& first = of_file.all().front();
    result.first = fmt::format("{}: {}", sources.place(first.span), trace::printable(first.message));
    result.warnings = of_file.text(sources) + result.warnings;
  } else {
    result.first =
        fmt::format("{}: {}", sources.place(record.warnings.front().span), record.warnings.front().text);
  }
  result.report =
      fmt::format("FAIL {}  seed {}: warnings are failures with --strict\n{}     again  {} --strict\n",
                  job.scenario->name, job.seed, result.warnings, again_command(job));
  result.warnings.clear();
}

/// Makes the result of a run, and writes its files.
RunResult told(const RunJob& job, const RunJobOptions& options, const script::RunRecord& record) {
  RunResult result;
  result.hash = script::journal_hash(record.state);
  result.outcome = record.outcome;
  const bool good = record.outcome == script::Outcome::passed;
  std::string write_errors;  // errors of requested files that could not be written
  script::ReportContext context{.seed = job.seed, .again = again_command(job), .journal = {}};
  if (options.replay != nullptr) context.again += " --replay " + as_word(options.replay_path);
  const bool keeps_folder = !good && !options.keep_failed.empty();
  const bool wants_journal = options.journal.wanted() || (good ? options.keep_journals : !keeps_folder);
  if (wants_journal || options.html.wanted() || options.pcap.wanted()) {
    const trace::Journaled journal = journal_of_job(job, record);
    if (wants_journal) {
      auto written = write_run_journal(job, options, journal);
      result.journal = written ? written.value() : written.error().text();
      context.journal = written ? look_command(written.value(), record) : written.error().text();
      if (!written) write_errors = "ringside: " + written.error().text() + "\n";
    }
    write_errors += write_run_views(job, options, journal);
  }
  if (keeps_folder && !wants_journal) {
    result.journal = kept_journal(job, options);
    context.journal = look_command(result.journal, record);
  }
  result.report = script::failure_report(*job.scenario, job.script->sources, record, context);
  result.warnings += script::warnings_report(*job.scenario, job.script->sources, record);
  result.first = first_of(job, record);
  const bool warned = !record.warnings.empty() || job.script->diagnostics.warnings() != 0;
  if (options.strict && good && warned) fail_for_warnings(job, record, result);
  result.warnings += write_errors;
  if (!write_errors.empty() && good) {
    result.outcome = script::Outcome::could_not_run;
    result.first = write_errors.substr(0, write_errors.find('\n'));
    result.report = fmt::format("FAIL {}  seed {}: it passed, and its files could not be written\n",
                                job.scenario->name, job.seed);
  }
  result.judged = record.judged;
  result.failures = record.failures.size();
  result.entries = record.state.steps();
  result.virtual_time = record.ended - record.began;
  return result;
}

/// Writes the folder of a failed run, or removes the folder of one that passed.
void keep_if_failed(const RunJob& job, const RunJobOptions& options, const script::RunRecord& record,
                    RunResult& result) {
  if (options.keep_failed.empty()) return;
  if (result.outcome == script::Outcome::passed) return forget_failed(job, options);
  result.warnings += keep_failed(job, options, record, result.report);
}

/// Runs the same scenario with processes. That run must pass, too, and agree with the simulation.
std::optional<RunResult> with_twin(const RunJob& job, const RunJobOptions& options,
                                   const script::RunRecord& simulated, RunResult result) {
  const RunJob twin{job.script, job.real, job.seed};
  const Performed real = perform(twin, options);
  if (is_interrupted(real.record.outcome)) return std::nullopt;
  const auto kept = [&](RunResult failed) {
    keep_if_failed(twin, options, real.record, failed);
    return failed;
  };
  RunResult of_processes = told(twin, options, real.record);
  of_processes.judged += result.judged;
  if (of_processes.outcome != script::Outcome::passed) return kept(std::move(of_processes));
  const auto differs = script::disagreement(simulated.state, real.record.state);
  result.judged = of_processes.judged;
  if (!differs) return result;
  result.outcome = script::Outcome::failed;
  result.failures = 1;
  result.first = *differs;
  result.report = fmt::format("FAIL {}: simulation and processes do not agree\n     {}\n     again  {}\n",
                              job.scenario->name, *differs, again_command(job));
  keep_if_failed(job, options, simulated, result);
  return kept(std::move(result));
}

/// Compares the run with its golden journal, or records it for --update.
void compare_golden(const RunJob& job, const RunJobOptions& options, const script::RunRecord& record,
                    RunResult& result) {
  const bool kept = job.scenario->setup.golden && job.scenario->mode == script::Mode::sim &&
                    job.seed == plain_seed && options.replay == nullptr;
  if (!kept || result.outcome != script::Outcome::passed) return;
  std::string text = golden_text(record.state);
  if (options.update) {
    result.golden = std::move(text);
    return;
  }
  const auto differs = golden_difference(golden_path(job.scenario->path), golden_run(*job.scenario), text);
  if (!differs) return;
  result.outcome = script::Outcome::failed;
  result.failures = 1;
  result.first = *differs;
  result.report = fmt::format(
      "FAIL {}: it differs from its golden journal\n     {}\n     again  {}\n"
      "     right  ringside run --update {}\n",
      job.scenario->name, *differs, again_command(job), as_word(job.scenario->path));
}

}  // namespace

namespace {

std::optional<RunResult> run_whole_job(const RunJob& job, const RunJobOptions& options) {
  const auto began = std::chrono::steady_clock::now();
  Performed performed = perform(job, options);
  script::RunRecord& record = performed.record;
  const bool ran = record.outcome != script::Outcome::could_not_run;
  if (options.twice && ran &&
      script::journal_hash(perform(job, options).record.state) != script::journal_hash(record.state)) {
    record.outcome = script::Outcome::could_not_run;
    record.error = {0, "the same seed gave another journal", job.scenario->name,
                    "the run depends on something besides the seed", ""};
  }
  if (is_interrupted(record.outcome)) return std::nullopt;
  RunResult result = told(job, options, record);
  compare_golden(job, options, record, result);
  keep_if_failed(job, options, record, result);
  if (job.real != nullptr && result.outcome == script::Outcome::passed) {
    auto both = with_twin(job, options, record, std::move(result));
    if (!both) return std::nullopt;
    result = std::move(*both);
  }
  result.took = std::chrono::steady_clock::now() - began;
  result.tape = {std::move(record.order), std::move(performed.choices)};
  return result;
}

}  // namespace

std::optional<RunResult> run_job(const RunJob& job, const RunJobOptions& options) {
  try {
    return run_whole_job(job, options);
  } catch (const std::exception& problem) {
    // A library threw: no memory, no descriptors. Only this run fails.
    RunResult result;
    result.outcome = script::Outcome::could_not_run;
    result.first = fmt::format("{}: {}", job.scenario->name, problem.what());
    result.report = "ringside: cannot run: " + result.first + "\n";
    return result;
  }
}

// -- tapes

Result<Tape> read_tape(const std::string& path) {
  if (auto good = check_input("cannot read a tape", path, tape_bytes_max, Streams::refused); !good)
    return good.error();
  std::ifstream file(path);
  if (!file) return Error{errno, "cannot read a tape", path, std::generic_category().message(errno), ""};
  std::string line;
  std::getline(file, line);
  if (line != tape_heading)
    return Error{EINVAL, "cannot read a tape", path, "it is not a tape", "--tape writes one"};
  Tape tape;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string what;
    words >> what;
    Choice::Tape* into = what == "order" ? &tape.order : what == "choices" ? &tape.choices : nullptr;
    if (into == nullptr)
      return Error{EINVAL, "cannot read a tape", path, fmt::format("\"{}\" begins no line of a tape", what),
                   ""};
    for (std::uint32_t number = 0; words >> number;) into->push_back(number);
  }
  return tape;
}

Result<> write_tape(const std::string& path, const Tape& tape) {
  return write_file("cannot write a tape", path,
                    fmt::format("{}\norder {}\nchoices {}\n", tape_heading, fmt::join(tape.order, " "),
                                fmt::join(tape.choices, " ")));
}

}  // namespace ringside::tools
