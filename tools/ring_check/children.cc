// Starts the jobs, divides long searches, and returns the verdicts in the order of the jobs.
#include "tools/ring_check/children.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>

#include "tools/ring_check/division.h"

namespace ringside::tools {

namespace {

using Clock = std::chrono::steady_clock;

/// The time that a job has after the budget. Ring code ends one execution in less time.
constexpr std::chrono::seconds grace(15);
constexpr std::chrono::milliseconds shortest_poll(100);
/// How often progress is reported.
constexpr std::chrono::milliseconds progress_interval(200);
/// How often searches are looked at, to divide one. The most and the least.
constexpr std::chrono::milliseconds look_interval(200);
constexpr std::chrono::milliseconds look_interval_min(5);
constexpr std::chrono::milliseconds a_day = std::chrono::hours(24);

/// A timeout for poll(), within the limits.
int milliseconds_until(Clock::time_point then, std::chrono::milliseconds at_least,
                       std::chrono::milliseconds at_most) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(then - Clock::now());
  return static_cast<int>(std::clamp(left, at_least, at_most).count());
}

/// A job that has begun and has no verdict.
struct Begun {
  RingJob job;
  Clock::time_point began = Clock::now();
  Clock::time_point until;
  SharedCounts counts;  ///< of all its children
  std::unique_ptr<DividedSearch> divided = nullptr;

  [[nodiscard]] bool is_searching() const {
    return divided == nullptr && job.tells_search && counts.get() != nullptr && counts.get()->is_searching;
  }
};

struct Running {
  std::size_t number = 0;  ///< of its job
  RingChild child;
  bool was_late = false;  ///< killed after the budget
};

class JobsRun {
 public:
  using Done = std::function<bool(std::size_t number, const RingVerdict& verdict)>;
  JobsRun(const std::vector<RingJob>& jobs, const RingJobsOptions& options, const Done& done)
      : jobs_(jobs), options_(options), done_(done), deadline_(Clock::now() + options.budget) {}

  void run();

 private:
  void start_all();
  void start(std::size_t number, const RingJob& job, Clock::time_point until);
  void begin_next();
  [[nodiscard]] bool start_next_part();
  [[nodiscard]] bool divide_longest();
  /// False: the processes cannot be watched.
  [[nodiscard]] bool read_verdicts();
  void take(std::size_t number, RingVerdict verdict);
  void end(std::size_t number, std::optional<RingVerdict> verdict);
  /// False: no further verdict is wanted.
  [[nodiscard]] bool tell();
  void kill_all(const std::function<bool(const Running& each)>& which);
  [[nodiscard]] int until_look() const;
  [[nodiscard]] RingJobsProgress progress() const;

  const std::vector<RingJob>& jobs_;
  const RingJobsOptions& options_;
  const Done& done_;
  Clock::time_point deadline_;
  std::vector<Running> running_;
  std::map<std::size_t, Begun> begun_;
  std::map<std::size_t, std::optional<RingVerdict>> waiting_;  ///< for earlier ones; empty: left out
  std::size_t next_ = 0;
  std::size_t told_ = 0;
  std::size_t ended_ = 0;
  std::uint64_t executions_ = 0;  ///< of the jobs that have ended
};

void JobsRun::start(std::size_t number, const RingJob& job, Clock::time_point until) {
  Running started{
      number, RingChild::start(job, begun_.at(number).counts.get(), [&] { return try_ring(job, until); })};
  if (!started.child.has_started()) return take(number, no_process());
  running_.push_back(std::move(started));
}

/// Begins the next job, or leaves it out.
void JobsRun::begin_next() {
  const std::size_t number = next_++;
  if (options_.skip && options_.skip(jobs_[number])) return end(number, std::nullopt);
  // The remaining time is divided evenly; a job that needs less leaves the rest to the others.
  const auto now = Clock::now();
  const auto left = std::max(deadline_ - now, Clock::duration::zero());
  const auto until =
      now + left * options_.at_once / static_cast<int>(jobs_.size() - number + running_.size());
  Begun begun{.job = jobs_[number], .until = std::min(until, deadline_), .counts = {}};
  begun.job.tells_search = options_.at_once > 1 && can_divide(begun.job);
  const Begun& its = begun_.emplace(number, std::move(begun)).first->second;
  start(number, its.job, its.until);
}

bool JobsRun::start_next_part() {
  for (auto& [number, begun] : begun_) {
    std::optional<RingJob> job = begun.divided == nullptr ? std::nullopt : begun.divided->next();
    if (!job) continue;
    // The other half of the time is for the searches with a bound, as in a search that is not divided.
    start(number, *job, job->is_part() ? begun.began + (begun.until - begun.began) / 2 : begun.until);
    return true;
  }
  return false;
}

/// Divides the search that has run for the longest time. False: there is none that is long.
bool JobsRun::divide_longest() {
  const auto long_since = Clock::now() - options_.divided_after;
  auto longest = begun_.end();
  for (auto it = begun_.begin(); it != begun_.end(); ++it) {
    if (it->second.is_searching() && it->second.began <= long_since &&
        (longest == begun_.end() || it->second.began < longest->second.began))
      longest = it;
  }
  if (longest == begun_.end()) return false;
  kill_all([&](const Running& each) { return each.number == longest->first; });
  Begun& its = longest->second;
  its.divided = std::make_unique<DividedSearch>(its.job, *its.counts.get(), options_.at_once);
  its.counts = SharedCounts();
  return true;
}

void JobsRun::start_all() {
  while (running_.size() < options_.at_once) {
    if (start_next_part()) continue;
    if (next_ < jobs_.size()) {
      begin_next();
    } else if (!divide_longest()) {
      return;
    }
  }
}

void JobsRun::end(std::size_t number, std::optional<RingVerdict> verdict) {
  if (verdict) executions_ += verdict->executions + verdict->redundant;
  waiting_[number] = std::move(verdict);
  begun_.erase(number);
  ++ended_;
}

/// A child of the job has ended.
void JobsRun::take(std::size_t number, RingVerdict verdict) {
  Begun& its = begun_.at(number);
  if (its.divided == nullptr) return end(number, std::move(verdict));
  its.divided->take(verdict);
  if (!its.divided->verdict()) return;
  verdict = *its.divided->verdict();
  verdict.seconds = std::chrono::duration<double>(Clock::now() - its.began).count();
  kill_all([&](const Running& each) { return each.number == number; });
  end(number, std::move(verdict));
}

bool JobsRun::read_verdicts() {
  std::vector<pollfd> watched;
  for (const Running& each : running_) watched.push_back({each.child.verdict_from(), POLLIN, 0});
  const bool looks = options_.progress || options_.stop || options_.at_once > 1;
  const int patience =
      milliseconds_until(deadline_ + grace, shortest_poll, looks ? progress_interval : a_day);
  if (watched.empty()) return true;
  if (::poll(watched.data(), watched.size(), std::min(patience, until_look())) < 0 && errno != EINTR)
    return false;
  if (options_.progress) options_.progress(progress());
  // A child whose watchdog does not work is killed.
  if (Clock::now() > deadline_ + grace) {
    for (Running& each : running_) {
      each.was_late = true;
      each.child.kill();
    }
  }
  std::vector<Running> over;
  for (std::size_t i = watched.size(); i-- > 0;) {
    if (watched[i].revents == 0 || running_[i].child.read()) continue;
    over.push_back(std::move(running_[i]));
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  for (Running& each : over) {
    RingVerdict verdict = each.child.finish();
    if (each.was_late) {
      verdict.outcome = RingOutcome::could_not;
      verdict.why = fmt::format("it did not end within {} s after the budget was over", grace.count());
    }
    // A part that has ended at the same time may have decided its search.
    if (begun_.contains(each.number)) take(each.number, std::move(verdict));
  }
  return true;
}

/// The milliseconds until a search may be divided.
int JobsRun::until_look() const {
  if (running_.size() >= options_.at_once) return static_cast<int>(a_day.count());
  return static_cast<int>(std::clamp(options_.divided_after / 10, look_interval_min, look_interval).count());
}

RingJobsProgress JobsRun::progress() const {
  RingJobsProgress progress;
  progress.done = ended_;
  progress.executions = executions_;
  for (const auto& [number, begun] : begun_) {
    if (begun.counts.get() != nullptr) progress.executions += begun.counts.get()->executions;
  }
  const auto& [number, first] = *begun_.begin();
  progress.running = number;
  progress.its_time = Clock::now() - first.began;
  if (first.counts.get() == nullptr) return progress;
  progress.its_executions = first.counts.get()->executions;
  progress.its_steps = first.counts.get()->steps;
  return progress;
}

void JobsRun::kill_all(const std::function<bool(const Running& each)>& which) {
  for (Running& each : running_) {
    if (!which(each)) continue;
    each.child.kill();
    static_cast<void>(each.child.finish());
  }
  std::erase_if(running_, which);
}

bool JobsRun::tell() {
  for (auto first = waiting_.find(told_); first != waiting_.end(); first = waiting_.find(told_)) {
    const bool go_on = !first->second || done_(told_, *first->second);
    ++told_;
    waiting_.erase(first);
    if (!go_on) return false;
  }
  return true;
}

void JobsRun::run() {
  const auto all = [](const Running&) { return true; };
  while (told_ < jobs_.size()) {
    start_all();
    if (!read_verdicts()) {
      const RingVerdict lost = no_process("its process cannot be watched");
      kill_all(all);
      for (; told_ < jobs_.size(); ++told_) done_(told_, lost);
      return;
    }
    if (!tell()) return kill_all(all);
    if (!options_.stop || !options_.stop()) continue;
    kill_all(all);
    for (const auto& [number, verdict] : waiting_) {
      if (verdict) done_(number, *verdict);
    }
    return;
  }
}

}  // namespace

void run_ring_jobs(const std::vector<RingJob>& jobs, const RingJobsOptions& options,
                   const std::function<bool(std::size_t number, const RingVerdict& verdict)>& done) {
  JobsRun(jobs, options, done).run();
}

}  // namespace ringside::tools
