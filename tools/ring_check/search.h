// Searches the executions of a ring, in the process that runs it; and the state that its watchdog reads.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "tools/ring_check/job.h"

namespace ringside::tools {

/// The work of the searches of a job's processes so far, in memory that they share.
struct SearchCounts {
  std::atomic<std::uint64_t> executions = 0;
  std::atomic<std::uint64_t> steps = 0;
  std::atomic<std::uint64_t> towards_limit = 0;  ///< executions of parts that share a limit
  std::atomic<bool> is_searching = false;        ///< a search that can be divided runs
  /// The shared memory that this search knows (places.h), for its parts. A longer text is not told.
  static constexpr std::size_t places_bytes_max = std::size_t{16} * 1024;
  std::array<char, places_bytes_max> places = {};
  std::size_t places_bytes = 0;
  bool knows_places = false;
};
/// Sets where the searches of this process are counted.
void count_searches_in(SearchCounts* to);

[[nodiscard]] RingVerdict search_ring(RingJob job, std::chrono::steady_clock::time_point deadline);
/// Runs ring code without a search, under the watchdog.
[[nodiscard]] RingVerdict drive_watched(const std::function<RingVerdict()>& drive);

}  // namespace ringside::tools
