// The results of a sweep: those of its units, each counted once, and every distinct failure with its smallest
// example.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tools/sweep/plan.h"

namespace ringside::tools {

/// The most kinds of failures that are kept. Further ones are only counted.
inline constexpr std::size_t sweep_failures_max = 1000;

/// Failures of one scenario or ring whose first errors differ only in numbers.
struct SweepFailure {
  std::string name;  ///< "typing[BYTES=481]", or the ring
  std::string file;
  std::string outcome;       ///< "failed", "could not run", "does not parse"
  std::string first;         ///< the first error of the example
  std::string again;         ///< the command that shows the example
  std::string seed;          ///< of the example; empty for a ring
  std::uint64_t length = 0;  ///< of the example: journal entries, or executions
  std::uint64_t count = 0;
};

class SweepResults {
 public:
  explicit SweepResults(const SweepPlan& plan) : plan_(plan) {}

  /// Adds a unit. Returns whether it has a failure. A second file of a unit changes nothing. Fails if the
  /// file is not a unit of this sweep.
  [[nodiscard]] Result<bool> add(const std::string& path);

  [[nodiscard]] std::uint64_t units() const { return units_.size(); }
  [[nodiscard]] std::uint64_t results() const { return results_; }
  [[nodiscard]] bool failed() const { return !failures_.empty(); }
  /// The units that have no results yet, in order.
  [[nodiscard]] std::vector<std::uint64_t> missing() const;

  /// The report for the user.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string json() const;
  [[nodiscard]] Result<> write_junit_report(const std::string& path, double seconds) const;

  /// The exit status: as that of the command.
  [[nodiscard]] int status() const;

 private:
  using Fields = std::map<std::string, std::string>;
  /// Returns whether it is a failure.
  bool take(const Fields& fields);

  struct Group {
    std::string name;
    std::string file;
    std::uint64_t passed = 0;
  };

  /// The parts of a ring's search that hold in every execution.
  struct Parts {
    std::set<std::uint64_t> whole;
    std::uint64_t of = 0;
    std::string division;  ///< RingVerdict::division of the first one
  };
  /// Those passed that are no proof: searches that did not cover all executions, and parts without the
  /// others.
  [[nodiscard]] std::uint64_t bounded() const;

  const SweepPlan& plan_;
  std::map<std::uint64_t, bool> units_;
  std::uint64_t results_ = 0;
  std::uint64_t passed_ = 0;
  std::uint64_t bounded_ = 0;  ///< of bounded(): all but the parts of divided_
  std::uint64_t failed_ = 0;
  std::uint64_t could_not_ = 0;
  std::uint64_t unreadable_ = 0;
  std::uint64_t untold_ = 0;             ///< failures of kinds beyond sweep_failures_max
  std::map<std::string, Group> groups_;  ///< by file and name
  std::map<std::string, SweepFailure> failures_;
  std::map<std::string, Parts> divided_;  ///< by file and search
};

}  // namespace ringside::tools
