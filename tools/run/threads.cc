// Shares jobs among threads: each takes the next one, and the results are reported in order.
//
// The only file of this folder that starts threads. They share only the list of jobs, which is constant, and
// the results, which are under one lock.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>

#include "tools/run/interruption.h"
#include "tools/run/jobs.h"

namespace ringside::tools {

void run_jobs(const JobList& jobs, const RunJobOptions& options, unsigned threads,
              const std::function<bool(std::uint64_t number, const RunResult& result)>& done) {
  std::mutex lock;
  std::condition_variable news;
  std::condition_variable room;
  std::map<std::uint64_t, RunResult> waiting;  // results that wait for earlier ones
  std::uint64_t told = 0;                      // number of results passed to `done`
  std::size_t working = 0;
  std::atomic<std::uint64_t> next{0};
  std::atomic<bool> over{false};
  const auto work_all = [&] {
    for (;;) {
      const std::uint64_t number = next++;
      if (number >= jobs.size()) return;
      {
        std::unique_lock guard(lock);
        room.wait(guard, [&] { return over || number - told < run_results_waiting_max; });
      }
      if (over || RunInterruption::signal() != 0) return;
      std::optional<RunResult> result = run_job(jobs[number], options);
      if (!result) return;
      const std::lock_guard guard(lock);
      waiting.emplace(number, std::move(*result));
      news.notify_one();
    }
  };
  const auto work = [&] {
    work_all();
    const std::lock_guard guard(lock);
    --working;
    // Other threads may wait for room that this thread's result would have made.
    if (RunInterruption::signal() != 0) over = true;
    news.notify_one();
    room.notify_all();
  };
  std::vector<std::thread> workers;
  for (unsigned each = 0; each < std::min<std::uint64_t>(threads, jobs.size()); ++each) {
    try {
      const std::lock_guard guard(lock);
      workers.emplace_back(work);
      ++working;
    } catch (const std::system_error&) {
      // Fewer threads are enough, but at least one is needed.
      if (workers.empty()) throw;
      break;
    }
  }
  for (bool go_on = true; go_on && told < jobs.size();) {
    std::unique_lock guard(lock);
    news.wait(guard, [&] { return waiting.contains(told) || working == 0; });
    // Earlier jobs were interrupted.
    if (waiting.empty()) break;
    auto first = waiting.extract(waiting.begin());
    told = first.key() + 1;
    guard.unlock();
    room.notify_all();
    go_on = done(first.key(), first.mapped());
  }
  {
    const std::lock_guard guard(lock);
    over = true;
  }
  room.notify_all();
  for (std::thread& each : workers) each.join();
}

}  // namespace ringside::tools
