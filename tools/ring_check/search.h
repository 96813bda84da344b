// Searches the executions of a ring, in the process that runs it; and the state that its watchdog reads.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "tools/ring_check/job.h"

namespace ringside::tools {

/// The work of a process's searches so far, in memory that another process may read.
struct SearchCounts {
  std::atomic<std::uint64_t> executions = 0;
  std::atomic<std::uint64_t> steps = 0;
};
/// Sets where the searches of this process are counted.
void count_searches_in(SearchCounts* to);

[[nodiscard]] RingVerdict search_ring(RingJob job, std::chrono::steady_clock::time_point deadline);
/// Runs ring code without a search, under the watchdog.
[[nodiscard]] RingVerdict drive_watched(const std::function<RingVerdict()>& drive);

}  // namespace ringside::tools
