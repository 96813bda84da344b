// The lines of a scenario, those within blocks too: each under a name that stays the same while others go.
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

/// All statements but blocks, in their order. Valid until the scenario changes.
[[nodiscard]] std::vector<Statement*> lines_of(Scenario& scenario);
[[nodiscard]] std::vector<const Statement*> lines_of(const Scenario& scenario);
/// The line, or nothing.
[[nodiscard]] const Statement* find_line(const Scenario& scenario, const LineId& line);
/// Erases the lines for which `is_wanted` is true, and blocks that become empty. Returns their number.
std::size_t erase_lines(Scenario& scenario, const std::function<bool(const Statement&)>& is_wanted);

}  // namespace ringside::script
