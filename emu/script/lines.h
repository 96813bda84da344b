// The lines of a scenario, also within blocks. Each has an id that stays the same while others are removed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "emu/script/syntax.h"

namespace ringside::script {

/// A line of a file, in one round of a repeat.
struct LineId {
  Span span;
  std::string round;

  friend bool operator==(const LineId&, const LineId&) = default;
};
[[nodiscard]] LineId id_of(const Statement& statement);

/// All statements except blocks, in order. Valid until the scenario changes.
[[nodiscard]] std::vector<Statement*> lines_of(Scenario& scenario);
[[nodiscard]] std::vector<const Statement*> lines_of(const Scenario& scenario);
/// The line; null if it was removed.
[[nodiscard]] const Statement* find_line(const Scenario& scenario, const LineId& line);
/// Erases the lines for which `is_wanted` is true, and blocks that become empty. Returns their number.
std::size_t erase_lines(Scenario& scenario, const std::function<bool(const Statement&)>& is_wanted);

}  // namespace ringside::script
