// A ring under two real threads, as fast as they can: the third net behind exploration and one thread at
// random. It sees what this processor and this compiler do, no more; and it sees it after thousands of
// messages, where exploration knows three.
//
// Nothing found proves nothing.
#pragma once

#include <chrono>

#include "emu/check/conformance.h"

namespace ringside::tools {

/// Until `messages` have been sent (fewer than 2^24), or for so long. `calls` of the result counts how often
/// an end slept. `subject` has its habits. Ring code that never comes back and accesses no memory keeps the
/// caller, too.
[[nodiscard]] check::LongRun stress_ring(const check::Subject& subject, std::uint32_t messages,
                                         std::chrono::milliseconds time);

}  // namespace ringside::tools
