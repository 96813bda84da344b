// Why a scenario fails at one of its lines, in terms that hold for a smaller scenario as well.
//
// What a line expects did not come *because of* something if it comes without that: in the plain order of
// events, without faults, without quirks, or without one of the other lines. Those are the causes. A smaller
// scenario fails for the same reason if
// - it fails at the same line in the same way, whatever the texts and numbers,
// - nothing fails in it that did not fail before,
// - and each cause still is one. So the line can be met in it, and is not for the same causes.
// If there is no cause, then what has happened about the line's subject since its actor's last line must be
// of the same sorts: the same thing came as far, and no farther.
//
// It runs nothing itself: a Player does.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "emu/script/lines.h"
#include "emu/script/run.h"

namespace ringside::script {

/// Runs a scenario with a seed. The scenario outlives the story.
using Player = std::function<Story(const Scenario& scenario, std::uint64_t seed)>;

class Reason {
 public:
  /// Of the first failure in `story`, which is how `scenario` went with `seed`. Looks for causes until `late`
  /// is true. `play` must outlive it.
  Reason(const Scenario& scenario, std::uint64_t seed, const Story& story, const Player& play,
         const std::function<bool()>& late);

  /// Whether `candidate` fails with `seed` for the same reason.
  [[nodiscard]] bool holds_for(const Scenario& candidate, std::uint64_t seed) const;

  /// The seed to begin with: the plain order if the scenario fails there in the same way.
  [[nodiscard]] std::uint64_t seed() const { return seed_; }
  /// The order of events is a cause: a smaller scenario may need another one.
  [[nodiscard]] bool depends_on_order() const;
  /// The line that fails, as it is in `candidate`.
  [[nodiscard]] std::string line_in(const Scenario& candidate) const;
  /// The causes, in words: "without the line: xen pauses dom1".
  [[nodiscard]] std::vector<std::string> met(const Scenario& candidate) const;

 private:
  struct Cause {
    enum class Kind : std::uint8_t { order, faults, quirks, line };
    Kind kind = Kind::order;
    LineId line = {};  ///< of kind line
  };

  [[nodiscard]] const Failure* failure_in(const Story& story) const;
  [[nodiscard]] bool fails_alike(const Story& story) const;
  [[nodiscard]] bool is_met(const Story& story) const;
  [[nodiscard]] bool is_met_without(const Scenario& scenario, const Cause& cause, std::uint64_t seed) const;
  void find_causes(const Scenario& scenario, const std::function<bool()>& late);

  const Player& play_;
  std::uint64_t seed_;
  LineId line_;  ///< that fails
  Failure::Kind kind_ = Failure::Kind::missed;
  std::string how_;
  std::vector<LineId> failing_;  ///< all lines that fail
  std::vector<Cause> causes_;
  std::set<std::string> sorts_;  ///< of what happened; without causes
};

}  // namespace ringside::script
