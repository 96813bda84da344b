// The progress of the jobs, as one line.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "tools/ring_check/children.h"

namespace ringside::tools {

/// "[7/23] 120,000 executions, 61,000/s, 8 s left at most  SC exchange of 3 messages", narrower than
/// `columns`. The time left is that of the budget, or that of the job until its search reaches its limit.
[[nodiscard]] std::string ring_progress_text(const RingJobsProgress& progress,
                                             const std::vector<RingJob>& jobs,
                                             std::chrono::duration<double> took,
                                             std::optional<std::chrono::duration<double>> budget_left,
                                             std::size_t columns);

}  // namespace ringside::tools
