// How results leave `ringside run`: lines for people, TAP, JSON lines, JUnit.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "tools/junit.h"
#include "tools/run/jobs.h"

namespace ringside::tools {

/// Failures of one scenario that are told in full; of its other seeds only the numbers, of so many.
inline constexpr std::size_t reports_per_scenario_max = 3;
inline constexpr std::size_t run_seeds_named_max = 10;

/// All are kept until the report is written.
inline constexpr std::uint64_t run_junit_cases_max = 100'000;

enum class RunFormat : std::uint8_t { people, tap, json };

/// Writes each result as it comes, and the rest at the end. One of each for a whole call.
class RunOutput {
 public:
  /// `junit`: a file's path, or empty. `progress`: stderr is a terminal.
  RunOutput(RunFormat format, std::string junit, bool progress, std::uint64_t jobs);

  void begin();
  void result(std::uint64_t number, const RunJob& job, const RunResult& result);
  /// Summary and files.
  [[nodiscard]] Result<> end(std::chrono::duration<double> took);

  [[nodiscard]] std::size_t failed() const { return failed_; }
  [[nodiscard]] std::size_t could_not_run() const { return could_not_run_; }

 private:
  void for_people(const RunJob& job, const RunResult& result);
  void end_line();
  void clear_progress();

  RunFormat format_;
  std::string junit_;
  bool progress_;
  std::uint64_t jobs_;
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
