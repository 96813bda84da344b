// Generates runs from ranges of seeds.
#include "tools/run/job_list.h"

#include <algorithm>

namespace ringside::tools {

bool JobList::add(const RunJob& first, std::uint64_t last_seed) {
  const std::uint64_t more = last_seed - first.seed;
  if (more >= run_jobs_max - whole_) return false;
  ranges_.push_back({first, last_seed, whole_});
  whole_ += more + 1;
  return true;
}

void JobList::keep_part(std::uint64_t part, std::uint64_t parts) {
  part_ = part;
  parts_ = parts;
}

void JobList::take_later_seeds() {
  std::uint64_t first = ~std::uint64_t{0};
  std::uint64_t last = 0;
  for (const Range& range : ranges_) {
    first = std::min(first, range.first.seed);
    last = std::max(last, range.last_seed);
  }
  for (Range& range : ranges_) {
    range.first.seed += last - first + 1;
    range.last_seed += last - first + 1;
  }
}

std::uint64_t JobList::size() const {
  return whole_ < part_ ? 0 : (whole_ - part_) / parts_ + 1;
}

RunJob JobList::operator[](std::uint64_t number) const {
  RS_CHECK(number < size());
  const std::uint64_t whole_number = part_ - 1 + number * parts_;
  const auto after = std::ranges::upper_bound(ranges_, whole_number, {}, &Range::before);
  const Range& range = *std::prev(after);
  RunJob job = range.first;
  job.seed += whole_number - range.before;
  return job;
}

std::vector<std::pair<RunJob, bool>> JobList::with_seed(std::uint64_t seed) const {
  std::vector<std::pair<RunJob, bool>> found;
  for (const Range& range : ranges_)
    found.emplace_back(range.first, range.first.seed <= seed && seed <= range.last_seed);
  return found;
}

}  // namespace ringside::tools
