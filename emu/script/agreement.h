// Whether two runs of one scenario, a simulated one and one of processes, agree, actor by actor.
//
// It compares every byte that an actor passed on, and to which actor; every message that has no console
// bytes; each refusal; the quirks that took effect; the last value of each counter. Properties that depend on
// the order in which processes run are not compared: the lengths of messages, coalesced events, the number of
// wake-ups. Neither is the daemons' part of a run in which one of them is killed.
//
// The data in transit at the moment of an end differ from run to run:
// - A domain has ended: only the part of its input that arrived in both runs is compared, and of its
//   refusals; its counters are not compared.
// - It was killed or destroyed: the same holds for its output.
// - A viewer did not read everything, whether it left or not: bytes sent to viewers and received by them are
//   not compared, and only the part of the output that arrived in both runs is. This holds if bytes stayed
//   unread in both runs. Bytes that stayed unread in one run only were lost.
#pragma once

#include <optional>
#include <string>

#include "emu/script/state.h"

namespace ringside::script {

/// The first difference in words: the actor, and what each run has. Empty if the runs agree.
[[nodiscard]] std::optional<std::string> disagreement(const State& simulated, const State& real);

}  // namespace ringside::script
