// Searching the executions of a ring, in the process that runs it; and what its watchdog looks at meanwhile.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "tools/ring_check/job.h"

namespace ringside::tools {

/// What the searches of a process have done so far, in memory that another one may read.
struct SearchCounts {
  std::atomic<std::uint64_t> executions = 0;
  std::atomic<std::uint64_t> steps = 0;
};
/// Where the searches of this process are counted from now on.
void count_searches_in(SearchCounts* to);

[[nodiscard]] RingVerdict search_ring(RingJob job, std::chrono::steady_clock::time_point deadline);
/// Ring code that runs without a search, under the watchdog.
[[nodiscard]] RingVerdict drive_watched(const std::function<RingVerdict()>& drive);

}  // namespace ringside::tools
