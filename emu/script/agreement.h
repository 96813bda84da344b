// Whether two runs of one scenario, a simulated one and one of processes, tell the same story, actor by
// actor.
//
// Where messages end, which events are quiet and how often somebody is woken depends on who runs when, so
// that is not compared; nor what daemons do in a run in which one of them is killed. What is: every byte that
// an actor passed on, and to whom; every message that carries no console bytes; what was refused; which
// quirks bit; where each counter stands in the end.
#pragma once

#include <optional>
#include <string>

#include "emu/script/state.h"

namespace ringside::script {

/// Nothing if they agree, else the first difference in words: who, and what in either run.
[[nodiscard]] std::optional<std::string> disagreement(const State& simulated, const State& real);

}  // namespace ringside::script
