// A search that is divided into parts while it runs, because workers have nothing else to do: which jobs it
// has, and their verdicts as one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tools/ring_check/job.h"
#include "tools/ring_check/search.h"

namespace ringside::tools {

/// Whether parts of this job can replace it. A limit of steps ends a search within seconds, and parts count
/// their steps differently.
[[nodiscard]] bool can_divide(const RingJob& job);

class DividedSearch {
 public:
  /// `counts`: of the search so far. `workers`: how many of its jobs can run at the same time.
  DividedSearch(const RingJob& whole, const SearchCounts& counts, unsigned workers);

  /// The next job to start. Empty: there is none, or none before the running ones have ended.
  [[nodiscard]] std::optional<RingJob> next();
  /// Takes the verdict of a job that next() has returned.
  void take(const RingVerdict& verdict);
  /// The verdict of the whole search, once it is known. Jobs that still run are not needed then.
  [[nodiscard]] const std::optional<RingVerdict>& verdict() const { return verdict_; }

 private:
  enum class Stage : std::uint8_t {
    parts,
    bounds,     ///< the limit or the time has ended a part: searches with a bound follow
    undivided,  ///< the parts knew different memory: the search is made by one job
  };

  void add(const RingVerdict& part);
  [[nodiscard]] RingVerdict with_parts(RingVerdict verdict) const;

  RingJob whole_;
  std::uint32_t of_;
  std::optional<std::string> places_;
  Stage stage_ = Stage::parts;
  std::uint32_t begun_ = 0;
  std::uint32_t ended_ = 0;
  bool is_stopped_ = false;
  bool do_differ_ = false;
  RingVerdict together_;  ///< of the parts that have ended without a failure
  std::optional<RingVerdict> verdict_;
};

}  // namespace ringside::tools
