// Results as text.
#include "tools/run/outputs.h"

#include <fmt/format.h>

#include <cinttypes>
#include <sstream>

#include "emu/trace/json.h"

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

void print_commented(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) std::printf("# %s\n", line.c_str());
}

void print_json(const RunJob& job, const RunResult& result) {
  std::printf(
      "%s\n",
      fmt::format(
          R"({{"name":{},"file":{},"seed":{},"mode":"{}","outcome":"{}","judged":{},"failures":{},"first":{},)"
          R"("entries":{},"hash":"{:016x}","virtual_ns":{},"seconds":{:.6f},"journal":{},"again":{}}})",
          trace::json_text(job.scenario->name), trace::json_text(job.scenario->path), job.seed,
          script::spelled(job.scenario->mode), outcome_name(result.outcome), result.judged, result.failures,
          trace::json_text(result.first), result.entries, result.hash, result.virtual_time.count(),
          result.took.count(), trace::json_text(result.journal), trace::json_text(again_command(job)))
          .c_str());
}

}  // namespace

RunOutput::RunOutput(RunFormat format, std::string junit, bool progress, std::uint64_t jobs)
    : format_(format), junit_(std::move(junit)), progress_(progress), jobs_(jobs) {}

void RunOutput::begin() {
  if (format_ == RunFormat::tap) std::printf("TAP version 13\n1..%" PRIu64 "\n", jobs_);
}

void RunOutput::result(std::uint64_t number, const RunJob& job, const RunResult& result) {
  ++count_;
  virtual_time_ += result.virtual_time;
  if (result.outcome == Outcome::failed) ++failed_;
  if (result.outcome == Outcome::could_not_run) ++could_not_run_;
  if (!junit_.empty()) {
    cases_.push_back({job.scenario->path, job_name(job), result.took.count(), junit_outcome(result.outcome),
                      result.first, result.report});
  }
  switch (format_) {
    case RunFormat::people:
      return for_people(job, result);
    case RunFormat::tap:
      std::printf("%sok %" PRIu64 " - %s\n", result.outcome == Outcome::passed ? "" : "not ", number + 1,
                  job_name(job).c_str());
      print_commented(result.report + result.warnings);
      break;
    case RunFormat::json:
      print_json(job, result);
      break;
  }
  std::fflush(stdout);
}

/// A line for each scenario, however many seeds it has.
void RunOutput::for_people(const RunJob& job, const RunResult& result) {
  clear_progress();
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
  if (count_ == jobs_) end_line();
  std::fflush(stdout);
  if (progress_ && count_ < jobs_) std::fprintf(stderr, "[%zu/%" PRIu64 "] %s", count_, jobs_, line_.c_str());
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

void RunOutput::clear_progress() {
  if (progress_) std::fputs("\r\x1b[K", stderr);
}

Result<> RunOutput::end(std::chrono::duration<double> took) {
  if (format_ == RunFormat::people) {
    clear_progress();
    end_line();
    std::string text =
        fmt::format("{} run{}: {} passed", count_, count_ == 1 ? "" : "s", count_ - failed_ - could_not_run_);
    if (failed_ != 0) text += fmt::format(", {} failed", failed_);
    if (could_not_run_ != 0) text += fmt::format(", {} could not run", could_not_run_);
    std::printf("%s, in %.2fs (%s of virtual time)\n", text.c_str(), took.count(),
                script::time_text(virtual_time_).c_str());
  }
  if (junit_.empty()) return Done{};
  return write_junit(junit_, "ringside", cases_, took.count());
}

}  // namespace ringside::tools
