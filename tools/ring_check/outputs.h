// The output of verdicts, as text and for programs.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tools/junit.h"
#include "tools/ring_check/job.h"

namespace ringside::tools {

enum class RingFormat : std::uint8_t { people, tap, json };

class RingOutput {
 public:
  /// `junit`: a file for JUnit XML; empty: none.
  RingOutput(RingFormat format, std::string junit, std::size_t jobs);

  void begin() const;
  void verdict(std::size_t number, const RingJob& planned, const RingVerdict& verdict);
  /// Prints the summary, and writes the file. `signal`: the one that ended the jobs early, or 0.
  [[nodiscard]] Result<> end(int signal);

  [[nodiscard]] std::size_t failed() const { return failed_; }
  [[nodiscard]] std::size_t could_not() const { return could_not_; }

 private:
  [[nodiscard]] std::size_t tried() const { return whole_ + parts_ + partly_ + failed_ + could_not_; }
  [[nodiscard]] RingVerdict compared(const RingJob& job, RingVerdict verdict);
  void print_result(const RingJob& job, const RingVerdict& verdict);
  void say_not_covered() const;
  void say_total(const std::string& interrupted, double seconds) const;

  RingFormat format_;
  std::string junit_;
  std::size_t jobs_;
  std::vector<JUnitCase> cases_;  ///< for JUnit only
  std::string ring_;              ///< the ring of the last printed verdict
  /// Failures with printed steps: the ring, and the error up to its first number. A further failure of that
  /// kind is printed without steps, which --replay prints.
  std::set<std::pair<std::string, std::string>> shown_;
  using UnderModel = std::pair<const RingPlugin*, check::ModelName>;
  std::map<UnderModel, check::Usage> usages_;
  /// Other gaps (RingVerdict::has_gap, was_limited).
  struct Gaps {
    bool hides_failures = false;
    std::set<std::string> buffering;
    std::string limit;  ///< the limit at which a search has ended: "2,000,000 steps"; empty: none has
  };
  [[nodiscard]] static std::string text_of(const Gaps& gaps);
  std::map<UnderModel, Gaps> gaps_;
  std::set<UnderModel> failing_;
  /// The parts of one search in this call, or of one part.
  struct Parts {
    bool is_of_part = false;
    std::uint32_t of = 0;
    std::uint32_t tried = 0;
    std::uint32_t whole = 0;
    std::string division;  ///< RingVerdict::division of the first one
  };
  std::map<UnderModel, std::map<std::string, Parts>> divided_;  ///< by the search
  std::size_t whole_ = 0;                                       ///< without parts
  std::size_t parts_ = 0;                                       ///< parts of which every execution holds
  std::size_t partly_ = 0;
  std::size_t failed_ = 0;
  std::size_t could_not_ = 0;
  std::uint64_t executions_ = 0;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace ringside::tools
