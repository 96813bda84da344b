// Jobs in processes of their own, some at a time: a ring that crashes or hangs takes only its job with it.
#pragma once

#include <chrono>
#include <functional>

#include "tools/ring_check/job.h"

namespace ringside::tools {

/// How far the jobs are.
struct RingJobsProgress {
  std::size_t done = 0;
  std::size_t running = 0;           ///< the number of the first that runs
  std::uint64_t executions = 0;      ///< of all
  std::uint64_t its_executions = 0;  ///< of that one
  std::uint64_t its_steps = 0;
  std::chrono::duration<double> its_time{0};
};

struct RingJobsOptions {
  unsigned at_once = 1;
  /// Asked when it is a job's turn; true: it is left out, and nothing is told of it. Null: none is.
  std::function<bool(const RingJob& job)> skip = nullptr;
  std::chrono::milliseconds budget = std::chrono::hours(24);  ///< for all of them together
  /// Called several times a second while jobs run. Null: not called.
  std::function<void(const RingJobsProgress& progress)> progress = nullptr;
};

/// `done` is told each verdict, in the order of the jobs; false from it ends everything. Every ring stays
/// loaded in the caller.
void run_ring_jobs(const std::vector<RingJob>& jobs, const RingJobsOptions& options,
                   const std::function<bool(std::size_t number, const RingVerdict& verdict)>& done);

/// One execution, in a process of its own as well.
[[nodiscard]] RingVerdict replay_in_child(const RingReplay& replay);

}  // namespace ringside::tools
