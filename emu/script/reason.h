// The reason of a failure, in terms that also apply to a smaller scenario.
//
// A failed line has a cause if the line is met without that cause. Causes are: the order of events (met in
// the plain order), faults, quirks, early answers, other lines, and pairs of lines that begin and end a
// state: a process is stopped and started, a domain is suspended and resumed. A smaller scenario fails for
// the same reason if
// - it fails at the same line in the same way, apart from texts and numbers,
// - no line fails that did not fail before,
// - each cause is still a cause. So the line can be met, and fails because of the same causes. If there is no
//   cause, the entries about the line's subject since the last line about it must be of the same sorts: then
//   the data came equally far.
//
// The ScenarioRunner that the caller passes runs the scenarios.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "emu/script/lines.h"
#include "emu/script/run.h"

namespace ringside::script {

/// Runs a scenario with a seed. The scenario must outlive the result.
using ScenarioRunner = std::function<RunRecord(const Scenario& scenario, std::uint64_t seed)>;

class Reason {
 public:
  /// The reason of the first failure in `record`, the result of `scenario` with `seed`. Searches for causes
  /// until `late` returns true. `play` must outlive it.
  Reason(const Scenario& scenario, std::uint64_t seed, const RunRecord& record, const ScenarioRunner& play,
         const std::function<bool()>& late);

  /// Whether `candidate` fails with `seed` for the same reason.
  [[nodiscard]] bool holds_for(const Scenario& candidate, std::uint64_t seed) const;

  /// The seed to begin with: the plain order if the scenario fails there in the same way.
  [[nodiscard]] std::uint64_t seed() const { return seed_; }
  /// Whether the order of events is a cause: then a smaller scenario may need another seed.
  [[nodiscard]] bool depends_on_order() const;
  /// The line that fails, as it is in `candidate`.
  [[nodiscard]] std::string line_in(const Scenario& candidate) const;
  /// The causes in words: "without the line: xen pauses dom1", "without the lines: xcs stops; xcs starts".
  [[nodiscard]] std::vector<std::string> met(const Scenario& candidate) const;

 private:
  struct Cause {
    enum class Kind : std::uint8_t { order, faults, quirks, early_answers, lines };
    Kind kind = Kind::order;
    std::vector<LineId> lines = {};  ///< for the kind `lines`: one, or a pair
  };

  [[nodiscard]] const Failure* failure_in(const RunRecord& record) const;
  [[nodiscard]] bool fails_alike(const RunRecord& record) const;
  [[nodiscard]] bool is_met(const RunRecord& record) const;
  [[nodiscard]] bool is_met_without(const Scenario& scenario, const Cause& cause, std::uint64_t seed) const;
  [[nodiscard]] bool has_line(const LineId& line) const;
  void find_causes(const Scenario& scenario, const std::function<bool()>& late);

  const ScenarioRunner& play_;
  std::uint64_t seed_;
  LineId line_;  ///< the line that fails
  Failure::Kind kind_ = Failure::Kind::missed;
  std::string how_;
  std::vector<LineId> failing_;  ///< all lines that fail
  std::vector<Cause> causes_;
  std::set<std::string> sorts_;  ///< of the entries before the failure; used if there are no causes
};

}  // namespace ringside::script
