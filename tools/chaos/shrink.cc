// Leaves out ever smaller parts of a list of steps while the rest still fails.
#include <algorithm>
#include <utility>

#include "tools/chaos/trial.h"

namespace ringside::chaos {

Plan shrunk(std::uint64_t seed, Plan plan, const TrialOptions& options, std::size_t tries_max) {
  std::size_t tries = 0;
  for (std::size_t chunk = std::max<std::size_t>(plan.size() / 2, 1);;
       chunk = std::max<std::size_t>(chunk / 2, 1)) {
    bool smaller = false;
    for (std::size_t at = 0; at < plan.size() && tries < tries_max;) {
      Plan candidate = plan;
      const auto begin = candidate.begin() + static_cast<std::ptrdiff_t>(at);
      candidate.erase(begin, begin + static_cast<std::ptrdiff_t>(std::min(chunk, plan.size() - at)));
      ++tries;
      if (carry_out(seed, candidate, options).mistake.empty()) {
        at += chunk;
      } else {
        plan = std::move(candidate);
        smaller = true;
      }
    }
    if (tries >= tries_max || (chunk == 1 && !smaller)) return plan;
  }
}

}  // namespace ringside::chaos
