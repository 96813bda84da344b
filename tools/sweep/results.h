// The results of a sweep: those of its units, each counted once, and every distinct failure with its smallest
// example.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tools/sweep/plan.h"

namespace ringside::tools {

/// The most kinds of failures that are kept. Further ones are only counted.
inline constexpr std::size_t sweep_failures_max = 1000;

/// Failures of one scenario or ring whose first errors differ only in numbers.
struct SweepFailure {
  std::string name;  ///< "typing[BYTES=481]", or the ring and the search of the example
  std::string file;
  std::string outcome;       ///< "failed", "could not run", "does not parse"
  std::string first;         ///< the first error of the example
  std::string again;         ///< the command that shows the example
  std::string seed;          ///< of the example; empty for a ring
  std::uint64_t length = 0;  ///< of the example: journal entries, or the length of the string for --replay
  std::uint64_t count = 0;
  bool has_steps = false;  ///< the command can write a page of them
};

class SweepResults {
 public:
  explicit SweepResults(const SweepPlan& plan);

  /// Adds a unit. Returns whether it has a failure. A second file of a unit changes nothing. Fails if the
  /// file is not a unit of this sweep.
  [[nodiscard]] Result<bool> add(const std::string& path);

  [[nodiscard]] std::uint64_t units() const { return units_.size(); }
  /// The units of the plan, and the parts of the searches that were too large for theirs.
  [[nodiscard]] std::uint64_t wanted() const { return wanted_.size(); }
  [[nodiscard]] std::uint64_t results() const { return results_; }
  [[nodiscard]] bool failed() const { return !failures_.empty(); }
  /// The units that have no results yet.
  [[nodiscard]] std::vector<std::string> missing() const;
  /// "not in every execution: ring: SC exchange of 3 messages (up to 2 deviations)", of each such search.
  [[nodiscard]] std::vector<std::string> open_searches() const;
  /// One for each kind, in the order of the report.
  [[nodiscard]] std::vector<SweepFailure> failures() const;

  /// The report for the user.
  [[nodiscard]] std::string text() const;
  /// Its last line.
  [[nodiscard]] std::string total() const;
  [[nodiscard]] std::string json() const;
  [[nodiscard]] Result<> write_junit_report(const std::string& path, double seconds) const;

  /// The exit status: as that of the command.
  [[nodiscard]] int status() const;

 private:
  using Fields = std::map<std::string, std::string>;
  /// Returns whether it is a failure. `unit`: the one that has it.
  bool take(const Fields& fields, const std::string& unit);
  /// Wants parts of a search that was too large. Returns false if it is not divided further.
  bool divide(const Fields& fields, const std::string& unit);

  /// A job of ring-check. A part is named by its path, "3/64" or "3/64,5/64"; the whole search by "".
  struct Search {
    std::string name;
    std::string file;
    std::uint64_t executions = 0;  ///< of what is not divided further
    std::uint64_t passed = 0;
    std::uint64_t failed = 0;
    std::string bounded;                       ///< why not every execution was searched; empty: each was
    std::string reached;                       ///< by the search before it was divided
    std::set<std::string> whole;               ///< parts that hold in every execution
    std::map<std::string, std::string> of;     ///< into how many parts a path is divided
    std::map<std::string, std::string> depth;  ///< at which a path is divided
    std::optional<std::string> places;         ///< the shared memory that its parts know

    /// Whether every execution of the path was searched.
    [[nodiscard]] bool is_whole(const std::string& path) const;
    /// Adds a part; `holds`: in every execution. Returns false if the others divide another search.
    [[nodiscard]] bool add_part(const std::string& path, const std::string& division, bool holds);
  };
  /// Those passed that are no proof: searches that did not cover all executions, and parts without the
  /// others.
  [[nodiscard]] std::uint64_t bounded() const;
  /// Why the search is not in every execution; empty: it is, or it has failed.
  [[nodiscard]] static std::string open_text(const Search& search);

  const SweepPlan& plan_;
  std::vector<std::string> wanted_;
  std::set<std::string> is_wanted_;  ///< the same
  std::set<std::string> units_;
  std::uint64_t results_ = 0;
  std::uint64_t passed_ = 0;
  std::uint64_t bounded_ = 0;  ///< of bounded(): all but parts of searches
  std::uint64_t failed_ = 0;
  std::uint64_t could_not_ = 0;
  std::uint64_t unreadable_ = 0;
  std::uint64_t untold_ = 0;  ///< failures of kinds beyond sweep_failures_max
  struct Group {
    std::string name;
    std::string file;
    std::uint64_t passed = 0;
  };
  std::map<std::string, Group> groups_;  ///< scenarios by file and name
  std::map<std::string, SweepFailure> failures_;
  std::map<std::string, Search> searches_;  ///< by file and search
};

}  // namespace ringside::tools
