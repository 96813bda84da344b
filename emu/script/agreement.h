// Whether two runs of one scenario, a simulated one and one of processes, tell the same story, actor by
// actor.
//
// Where messages end, which events are quiet and how often somebody is woken depends on who runs when, so
// that is not compared; nor what daemons do in a run in which one of them is killed. What is: every byte that
// an actor passed on, and to whom; every message that carries no console bytes; what was refused; which
// quirks bit; where each counter stands in the end.
//
// An end comes at some moment, and what was on its way then is chance:
// - A domain has ended: its input is compared as far as it came in both runs, and its counters are not.
// - It was killed or destroyed: the same holds for its output.
// - A viewer has not read all, and left or stays: neither is what viewers were sent and received, and the
//   output is compared as far as it came. That is so if bytes stayed unread in both runs; in one of them
//   only, they were lost.
#pragma once

#include <optional>
#include <string>

#include "emu/script/state.h"

namespace ringside::script {

/// Nothing if they agree, else the first difference in words: who, and what in either run.
[[nodiscard]] std::optional<std::string> disagreement(const State& simulated, const State& real);

}  // namespace ringside::script
