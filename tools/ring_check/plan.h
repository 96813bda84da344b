// The jobs of a ring, which follow from its capabilities.
#pragma once

#include <optional>
#include <vector>

#include "tools/ring_check/job.h"

namespace ringside::tools {

struct RingPlanOptions {
  std::vector<check::ModelName> models = {check::ModelName::sc, check::ModelName::tso, check::ModelName::c11};
  std::optional<std::uint32_t> messages;  ///< instead of 3
  std::optional<std::uint32_t> bound;     ///< for all jobs
  std::uint32_t parts = 1;                ///< of each search without a bound
  SearchLimit limit;                      ///< of each search, or part
  SearchLimit limit_of_bounded;           ///< of the bounded searches after one that ended at its limit
  bool thorough = false;  ///< more messages, more starts, higher bounds: minutes instead of seconds
};

/// Returns the cheapest jobs first. The plug-in must outlive them.
[[nodiscard]] std::vector<RingJob> plan_for(const RingPlugin& plugin, const RingPlanOptions& options);

}  // namespace ringside::tools
