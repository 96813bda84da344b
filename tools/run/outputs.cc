// Writes results as text.
#include "tools/run/outputs.h"

#include <fmt/format.h>

#include <cinttypes>
#include <sstream>

#include "emu/host/domain_words.h"
#include "emu/trace/quote.h"
#include "tools/results_text.h"
#include "tools/run/run_files.h"

namespace ringside::tools {

namespace {

using script::Outcome;

std::string_view outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::passed:
      return "passed";
    case Outcome::failed:
      return "failed";
    case Outcome::could_not_run:
      return "could not run";
  }
  return "";
}

JUnitOutcome junit_outcome(Outcome outcome) {
  switch (outcome) {
    case Outcome::passed:
      return JUnitOutcome::passed;
    case Outcome::failed:
      return JUnitOutcome::failed;
    case Outcome::could_not_run:
      break;
  }
  return JUnitOutcome::could_not_run;
}

std::string job_name(const RunJob& job) {
  return fmt::format("{} seed {}", job.scenario->name, job.seed);
}

/// The result name of a file that does not parse.
std::string file_name(const UnreadableFile& file) {
  return trace::printable(file.path) + " parses";
}

void print_commented(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) std::printf("# %s\n", trace::printable(line).c_str());
}

/// Returns the warnings of a run. If the run passed, they include warnings about its file, such as a scenario
/// without expectations; with --strict, the report of a failed run has those.
std::string all_warnings(const RunJob& job, const RunResult& result) {
  if (result.outcome != Outcome::passed) return result.warnings;
  return job.script->diagnostics.text(job.script->sources) + result.warnings;
}

void print_json(const RunJob& job, const RunResult& result) {
  std::printf(
      "%s\n",
      fmt::format(
          R"({{"name":{},"file":{},"line":{},"seed":{},"mode":"{}","outcome":"{}","judged":{},"failures":{},)"
          R"("first":{},"entries":{},"hash":"{:016x}","virtual_ns":{},"seconds":{:.6f},"journal":{},)"
          R"("warnings":{},"again":{}}})",
          trace::json_text(job.scenario->name), trace::json_text(trace::printable(job.scenario->path)),
          job.scenario->line, job.seed, script::spelled(job.scenario->mode), outcome_name(result.outcome),
          result.judged, result.failures, trace::json_text(result.first), result.entries, result.hash,
          result.virtual_time.count(), result.took.count(), trace::json_text(result.journal),
          trace::json_text(all_warnings(job, result)), trace::json_text(again_command(job)))
          .c_str());
}

}  // namespace

RunOutput::RunOutput(RunFormat format, std::string junit, std::uint64_t runs)
    : format_(format), junit_(std::move(junit)), runs_(runs), progress_(runs) {}

void RunOutput::begin(const std::vector<UnreadableFile>& unreadable) {
  if (format_ == RunFormat::tap) {
    // Most readers know version 13. They also know the escapes of version 14, but refuse its number.
    std::printf("TAP version 13\n");
    if (runs_ != 0 || !unreadable.empty()) std::printf("1..%" PRIu64 "\n", runs_ + unreadable.size());
  }
  for (const UnreadableFile& each : unreadable) this->unreadable(each);
  std::fflush(stdout);
}

void RunOutput::tap_line(bool good, const std::string& name, const std::string& comment) {
  std::printf("%sok %zu - %s\n", good ? "" : "not ", ++lines_, tap_text(name).c_str());
  print_commented(comment);
}

/// For RunFormat::people nothing is printed: the error was printed when the file was read.
void RunOutput::unreadable(const UnreadableFile& file) {
  ++unreadable_;
  if (!junit_.empty()) {
    cases_.push_back({.group = trace::printable(file.path),
                      .name = file_name(file),
                      .outcome = JUnitOutcome::could_not_run,
                      .message = file.first,
                      .report = file.report,
                      .file = trace::printable(file.path),
                      .line = file.line});
  }
  if (format_ == RunFormat::tap) tap_line(false, file_name(file), file.report);
  if (format_ == RunFormat::json) {
    std::printf("%s\n",
                fmt::format(R"({{"name":{},"file":{},"line":{},"outcome":"does not parse","first":{}}})",
                            trace::json_text(file_name(file)), trace::json_text(trace::printable(file.path)),
                            file.line, trace::json_text(file.first))
                    .c_str());
  }
}

void RunOutput::result(const RunJob& job, const RunResult& result) {
  ++count_;
  virtual_time_ += result.virtual_time;
  if (result.outcome == Outcome::failed) ++failed_;
  if (result.outcome == Outcome::could_not_run) ++could_not_run_;
  if (!junit_.empty()) {
    cases_.push_back({.group = trace::printable(job.scenario->path),
                      .name = job_name(job),
                      .seconds = result.took.count(),
                      .outcome = junit_outcome(result.outcome),
                      .message = result.first,
                      .report = result.report,
                      .file = trace::printable(job.scenario->path),
                      .line = job.scenario->line,
                      .warnings = all_warnings(job, result)});
  }
  progress_.clear();
  switch (format_) {
    case RunFormat::people:
      print_result(job, result);
      break;
    case RunFormat::tap:
      tap_line(result.outcome == Outcome::passed, job_name(job), result.report + all_warnings(job, result));
      break;
    case RunFormat::json:
      print_json(job, result);
      break;
  }
  std::fflush(stdout);
  if (count_ != runs_) progress_.show(count_, job.scenario->name);
}

/// Prints one line for each scenario, for any number of seeds.
void RunOutput::print_result(const RunJob& job, const RunResult& result) {
  if (job.scenario->name != line_) end_line();
  line_ = job.scenario->name;
  if (result.outcome == Outcome::passed) {
    ++line_seeds_;
  } else if (reports_++ < reports_per_scenario_max) {
    std::printf("%s\n", result.report.c_str());
  } else {
    if (untold_count_++ < run_seeds_named_max) untold_.push_back(job.seed);
  }
  std::fputs(result.warnings.c_str(), stderr);
  if (count_ == runs_) end_line();
}

void RunOutput::end_line() {
  if (!untold_.empty()) {
    std::printf("%s\n", fmt::format("FAIL {}  ({} more seeds: {}{})", line_, untold_count_,
                                    fmt::join(untold_, ", "), untold_.size() == untold_count_ ? "" : " ...")
                            .c_str());
  }
  if (line_seeds_ != 0) {
    std::printf("ok   %s%s\n", line_.c_str(),
                line_seeds_ == 1 && reports_ == 0
                    ? ""
                    : fmt::format("  ({} seed{})", line_seeds_, line_seeds_ == 1 ? "" : "s").c_str());
  }
  line_seeds_ = 0;
  reports_ = 0;
  untold_.clear();
  untold_count_ = 0;
}

std::string interrupted_early(RunFormat format, int signal) {
  std::string text = fmt::format("interrupted by {} before the first run\n", trace::signal_name(signal));
  switch (format) {
    case RunFormat::people:
      return text;
    case RunFormat::tap:
      return "Bail out! " + text;
    case RunFormat::json:
      break;
  }
  return json_interruption(signal, 0, 0);
}

std::string RunOutput::interruption(int signal) const {
  return interruption_text(signal, count_, runs_) +
         (runs_ == 1 || (runs_ == 0 && count_ == 1) ? " run" : " runs");
}

void RunOutput::end_as_text(std::chrono::duration<double> took, const std::string& interruption) {
  end_line();
  std::string text =
      interruption.empty() ? fmt::format("{} run{}", count_, count_ == 1 ? "" : "s") : interruption;
  text += fmt::format(": {} passed", count_ - failed_ - could_not_run_);
  if (failed_ != 0) text += fmt::format(", {} failed", failed_);
  if (could_not_run_ != 0) text += fmt::format(", {} could not run", could_not_run_);
  if (unreadable_ != 0)
    text += fmt::format(", {} file{} not parse", unreadable_, unreadable_ == 1 ? " does" : "s do");
  std::printf("%s, in %.2fs (%s of virtual time)\n", text.c_str(), took.count(),
              script::time_text(virtual_time_).c_str());
}

Result<> RunOutput::end(std::chrono::duration<double> took, int signal) {
  progress_.clear();
  const std::string interrupted = signal == 0 ? "" : interruption(signal);
  switch (format_) {
    case RunFormat::people:
      end_as_text(took, interrupted);
      break;
    case RunFormat::tap:
      if (runs_ == 0 && unreadable_ == 0) std::printf("1..%zu\n", lines_);
      if (signal != 0) std::printf("Bail out! %s\n", interrupted.c_str());
      break;
    case RunFormat::json:
      if (signal == 0) break;
      std::fputs(json_interruption(signal, count_, runs_).c_str(), stdout);
      break;
  }
  if (junit_.empty()) return Done{};
  if (signal != 0) {
    cases_.push_back({.group = run_junit_name,
                      .name = "the run has ended",
                      .outcome = JUnitOutcome::could_not_run,
                      .message = interrupted});
  }
  return write_junit(junit_, run_junit_name, cases_, took.count());
}

}  // namespace ringside::tools
