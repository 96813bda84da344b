// A ring under two real threads at full speed: the third kind of test after exploration and random calls on
// one thread. It tests only the reordering of this processor and this compiler, but with thousands of
// messages, where exploration has three.
//
// A run without an error is not a proof.
#pragma once

#include <chrono>

#include "emu/check/conformance.h"

namespace ringside::tools {

/// Runs until `messages` have been sent (fewer than 2^24), or for `time`. `calls` of the result counts how
/// often an end slept. `subject` has its habits. If ring code never returns and accesses no memory, this
/// never returns either.
[[nodiscard]] check::LongRun stress_ring(const check::Subject& subject, std::uint32_t messages,
                                         std::chrono::milliseconds time);

}  // namespace ringside::tools
