// Searching the executions of a ring, in the process that runs it; and what its watchdog looks at meanwhile.
#pragma once

#include <functional>
#include <string>

#include "tools/ring_check/job.h"

namespace ringside::tools {

[[nodiscard]] RingVerdict search_ring(RingJob job, std::chrono::steady_clock::time_point deadline);
/// Ring code that runs without a search, under the watchdog.
[[nodiscard]] RingVerdict drive_watched(const std::function<RingVerdict()>& drive);

}  // namespace ringside::tools
