// The progress of the jobs, and the longest time that is left.
#include "tools/ring_check/progress.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/prose.h"
#include "tools/run/progress.h"

namespace ringside::tools {

namespace {

/// A search that its limit ends is followed by searches with a bound, which share another limit of that size.
constexpr std::uint64_t searches_of_job = 2;

/// The time until the limit ends the job, at its present speed; no value if it is unknown.
std::optional<double> seconds_left(const RingJobsProgress& progress, const SearchLimit& limit) {
  const bool by_steps = limit.steps != SearchLimit().steps;
  if (!by_steps && limit.executions == SearchLimit().executions) return std::nullopt;
  const std::uint64_t most = searches_of_job * (by_steps ? limit.steps : limit.executions);
  const std::uint64_t done = by_steps ? progress.its_steps : progress.its_executions;
  if (done == 0 || done >= most) return std::nullopt;
  return static_cast<double>(most - done) / static_cast<double>(done) * progress.its_time.count();
}

}  // namespace

std::string ring_progress_text(const RingJobsProgress& progress, const std::vector<RingJob>& jobs,
                               std::chrono::duration<double> took,
                               std::optional<std::chrono::duration<double>> budget_left,
                               std::size_t columns) {
  const RingJob& job = jobs[progress.running];
  const double rate = static_cast<double>(progress.executions) / std::max(took.count(), 1e-3);
  std::string text =
      fmt::format("[{}/{}] {} executions, {}/s", progress.done + 1, jobs.size(),
                  with_commas(progress.executions), with_commas(static_cast<std::uint64_t>(rate)));
  if (budget_left) {
    text += fmt::format(", {} left of the budget", rough_time(budget_left->count()));
  } else if (const auto left = seconds_left(progress, job.limit); left) {
    text += fmt::format(", {} left at most", rough_time(*left));
  }
  text += "  " + job.what();
  // A terminal continues on the next line after its last column, and the line could not be overwritten.
  if (text.size() >= columns) text.resize(columns == 0 ? 0 : columns - 1);
  return text;
}

}  // namespace ringside::tools
