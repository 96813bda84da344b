// The jobs of a divided search: its parts, and what follows if they do not end, or do not fit together.
#include "tools/ring_check/division.h"

#include <algorithm>

namespace ringside::tools {

namespace {

/// Parts differ in length. With so many, the last one ends when the others do, or soon after; more of them
/// would spend more time on finding their branches.
constexpr std::uint32_t parts_of_worker = 8;

void add_gaps(const RingVerdict& from, RingVerdict& to) {
  to.hides_failures = to.hides_failures || from.hides_failures;
  for (const std::string& each : from.buffering) {
    if (std::ranges::find(to.buffering, each) == to.buffering.end()) to.buffering.push_back(each);
  }
}

}  // namespace

bool can_divide(const RingJob& job) {
  return job.task == RingTask::explore && job.bound == check::unbounded && !job.is_part() &&
         job.limit.steps == SearchLimit().steps;
}

DividedSearch::DividedSearch(const RingJob& whole, const SearchCounts& counts, unsigned workers)
    : whole_(whole), of_(workers * parts_of_worker) {
  if (counts.knows_places) places_.emplace(counts.places.data(), counts.places_bytes);
  whole_.tells_search = false;
}

std::optional<RingJob> DividedSearch::next() {
  if (verdict_) return std::nullopt;
  RingJob job = whole_;
  if (stage_ == Stage::parts && !is_stopped_ && !do_differ_ && begun_ < of_) {
    job.part = {{.number = begun_++, .of = of_}};
    job.shares_limit = true;
    job.places = places_;
    return job;
  }
  if (stage_ != Stage::parts || ended_ < begun_) return std::nullopt;
  stage_ = is_stopped_ ? Stage::bounds : Stage::undivided;
  job.has_only_bounds = is_stopped_;
  return job;
}

void DividedSearch::add(const RingVerdict& part) {
  if (together_.division.empty()) together_.division = part.division;
  do_differ_ = do_differ_ || together_.division != part.division;
  is_stopped_ = is_stopped_ || part.outcome != RingOutcome::whole;
  together_.was_limited = together_.was_limited || part.was_limited;
  together_.usage = part.usage;
  together_.executions += part.executions;
  together_.redundant += part.redundant;
  together_.steps += part.steps;
  add_gaps(part, together_);
}

/// The verdict, with the work of the parts that have ended.
RingVerdict DividedSearch::with_parts(RingVerdict verdict) const {
  verdict.executions += together_.executions;
  verdict.redundant += together_.redundant;
  verdict.steps += together_.steps;
  verdict.was_limited = verdict.was_limited || together_.was_limited;
  add_gaps(together_, verdict);
  verdict.division.clear();
  verdict.parts = of_;
  return verdict;
}

void DividedSearch::take(const RingVerdict& verdict) {
  const bool is_last = verdict.outcome == RingOutcome::failed || verdict.outcome == RingOutcome::could_not;
  if (stage_ == Stage::undivided) {
    verdict_ = verdict;
  } else if (stage_ == Stage::bounds || is_last) {
    verdict_ = with_parts(verdict);
  } else {
    add(verdict);
    if (++ended_ < of_ || is_stopped_ || do_differ_) return;
    RingVerdict whole;
    whole.outcome = RingOutcome::whole;
    whole.usage = together_.usage;
    verdict_ = with_parts(std::move(whole));
  }
}

}  // namespace ringside::tools
