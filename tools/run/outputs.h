// The output formats of `ringside run`: lines for the user, TAP, JSON lines, JUnit.
//
// A run has the same name in all formats: one printable line that no other run of the command has.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "tools/junit.h"
#include "tools/run/jobs.h"
#include "tools/run/progress.h"

namespace ringside::tools {

/// Reports of one scenario that are printed in full. Of further failed seeds only the numbers are printed, at
/// most run_seeds_named_max.
inline constexpr std::size_t reports_per_scenario_max = 3;
inline constexpr std::size_t run_seeds_named_max = 10;

/// The most JUnit cases. All are kept in memory until the report is written.
inline constexpr std::uint64_t run_junit_cases_max = 100'000;
inline constexpr char run_junit_name[] = "ringside run";

enum class RunFormat : std::uint8_t { people, tap, json };

/// The output of a call that a signal ends before its first run.
[[nodiscard]] std::string interrupted_early(RunFormat format, int signal);

/// Writes each result when it arrives, and the rest at the end. One object for a whole call.
class RunOutput {
 public:
  /// `junit`: a file's path, or empty. `runs`: the number of runs; 0 if it is unknown, with --until-failure.
  RunOutput(RunFormat format, std::string junit, std::uint64_t runs);

  /// Each of `unreadable` is a result of its own, besides the runs.
  void begin(const std::vector<UnreadableFile>& unreadable);
  void result(const RunJob& job, const RunResult& result);
  /// Writes the summary and the files. `signal`: the signal that ended the runs early, or 0.
  [[nodiscard]] Result<> end(std::chrono::duration<double> took, int signal);

  [[nodiscard]] std::size_t failed() const { return failed_; }
  [[nodiscard]] std::size_t could_not_run() const { return could_not_run_; }

 private:
  void unreadable(const UnreadableFile& file);
  void tap_line(bool good, const std::string& name, const std::string& comment);
  void print_result(const RunJob& job, const RunResult& result);
  void end_line();
  void end_as_text(std::chrono::duration<double> took, const std::string& interruption);
  /// "interrupted by SIGINT after 133 of 790 runs"
  [[nodiscard]] std::string interruption(int signal) const;

  RunFormat format_;
  std::string junit_;
  std::uint64_t runs_;
  RunProgress progress_;
  std::size_t lines_ = 0;  ///< result lines of TAP so far
  std::size_t unreadable_ = 0;
  std::size_t count_ = 0;
  std::size_t failed_ = 0;
  std::size_t could_not_run_ = 0;
  Duration virtual_time_{0};
  std::string line_;                   ///< the scenario whose seeds are being counted
  std::size_t line_seeds_ = 0;         ///< seeds of that scenario that passed
  std::size_t reports_ = 0;            ///< failed seeds of that scenario
  std::vector<std::uint64_t> untold_;  ///< failed seeds without a report
  std::size_t untold_count_ = 0;
  std::vector<JUnitCase> cases_;  ///< for JUnit only
};

}  // namespace ringside::tools
