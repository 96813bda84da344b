// How results leave `ringside run`: lines for people, TAP, JSON lines, JUnit.
//
// A run has the same name in all of them: one line, printable, and no other run of the command has it.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "tools/junit.h"
#include "tools/run/jobs.h"
#include "tools/run/progress.h"

namespace ringside::tools {

/// Failures of one scenario that are told in full; of its other seeds only the numbers, of so many.
inline constexpr std::size_t reports_per_scenario_max = 3;
inline constexpr std::size_t run_seeds_named_max = 10;

/// All are kept until the report is written.
inline constexpr std::uint64_t run_junit_cases_max = 100'000;
inline constexpr char run_junit_name[] = "ringside run";

enum class RunFormat : std::uint8_t { people, tap, json };

/// What a call says that a signal has ended before its first run.
[[nodiscard]] std::string interrupted_early(RunFormat format, int signal);

/// Writes each result as it comes, and the rest at the end. One of each for a whole call.
class RunOutput {
 public:
  /// `junit`: a file's path, or empty. `runs`: how many there will be; 0: until one fails.
  RunOutput(RunFormat format, std::string junit, std::uint64_t runs);

  /// `unreadable`: each is a result of its own, besides the runs.
  void begin(const std::vector<UnreadableFile>& unreadable);
  void result(const RunJob& job, const RunResult& result);
  /// Summary and files. `signal` ended the runs early; 0: nothing did.
  [[nodiscard]] Result<> end(std::chrono::duration<double> took, int signal);

  [[nodiscard]] std::size_t failed() const { return failed_; }
  [[nodiscard]] std::size_t could_not_run() const { return could_not_run_; }

 private:
  void unreadable(const UnreadableFile& file);
  void tap_line(bool good, const std::string& name, const std::string& comment);
  void for_people(const RunJob& job, const RunResult& result);
  void end_line();
  void end_for_people(std::chrono::duration<double> took, const std::string& interruption);
  /// "interrupted by SIGINT after 133 of 790 runs"
  [[nodiscard]] std::string interruption(int signal) const;

  RunFormat format_;
  std::string junit_;
  std::uint64_t runs_;
  RunProgress progress_;
  std::size_t lines_ = 0;  ///< of TAP
  std::size_t unreadable_ = 0;
  std::size_t count_ = 0;
  std::size_t failed_ = 0;
  std::size_t could_not_run_ = 0;
  Duration virtual_time_{0};
  std::string line_;                   ///< the scenario whose seeds are being counted
  std::size_t line_seeds_ = 0;         ///< that passed
  std::size_t reports_ = 0;            ///< of that scenario
  std::vector<std::uint64_t> untold_;  ///< seeds to be named
  std::size_t untold_count_ = 0;
  std::vector<JUnitCase> cases_;  ///< for JUnit only
};

}  // namespace ringside::tools
