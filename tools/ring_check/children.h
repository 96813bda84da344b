// Jobs in separate processes, some at a time: a ring that crashes or hangs ends only its job. When fewer jobs
// than workers are left, a search that goes on for long is divided.
#pragma once

#include <chrono>
#include <functional>

#include "tools/ring_check/child.h"

namespace ringside::tools {

/// The progress of the jobs.
struct RingJobsProgress {
  std::size_t done = 0;
  std::size_t running = 0;           ///< the number of the first running job
  std::uint64_t executions = 0;      ///< of all
  std::uint64_t its_executions = 0;  ///< of that job
  std::uint64_t its_steps = 0;
  std::chrono::duration<double> its_time{0};
};

struct RingJobsOptions {
  unsigned at_once = 1;
  /// Called before a job starts; if it returns true, the job is left out and not reported. Null: no job is
  /// left out.
  std::function<bool(const RingJob& job)> skip = nullptr;
  std::chrono::milliseconds budget = std::chrono::hours(24);  ///< for all jobs together
  /// A search is divided when it has run for this time and a worker has nothing else to do. What it has done
  /// by then is lost, so a search that ends sooner is not divided.
  std::chrono::milliseconds divided_after = std::chrono::seconds(2);
  /// Called several times a second while jobs run; if it returns true, all jobs end, and finished ones are
  /// reported. May be null.
  std::function<bool()> stop = nullptr;
  /// Called several times a second while jobs run. May be null.
  std::function<void(const RingJobsProgress& progress)> progress = nullptr;
};

/// `done` receives each verdict, in the order of the jobs; if it returns false, all jobs end. The rings stay
/// loaded in the caller.
void run_ring_jobs(const std::vector<RingJob>& jobs, const RingJobsOptions& options,
                   const std::function<bool(std::size_t number, const RingVerdict& verdict)>& done);

}  // namespace ringside::tools
