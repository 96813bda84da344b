// Makes executions until the search has no branch left; and the driver that repeats an execution.
#include "emu/check/explore.h"

#include <algorithm>

#include "emu/check/explorer.h"

namespace ringside::check {

namespace {

/// `enough` is asked each time after this many executions.
constexpr std::uint64_t executions_between_looks = 256;

}  // namespace

Exploration explore(Execution& execution, const Limits& limits, const std::function<std::string()>& after) {
  Exploration result;
  Explorer explorer(execution, limits);
  do {
    End end = execution.run(explorer);
    if (execution.has_found_memory() || execution.found_wait() != nullptr || execution.has_found_effects()) {
      result.found_memory = true;
      return result;
    }
    if (explorer.has_diverged()) {
      result.strayed = true;
      return result;
    }
    result.steps += explorer.depth();
    result.longest = std::max(result.longest, explorer.depth());
    if (explorer.is_of_other_part(end)) {
      // It is not counted here.
    } else if (end == End::abandoned) {
      ++result.redundant;
    } else {
      ++result.executions;
      result.failure = execution.failure();
      if (end == End::complete && after) {
        result.failure = after();
        if (!result.failure.empty()) end = End::failed;
      }
      if (end != End::complete) {
        result.end = end;
        result.schedule = execution.so_far();
        result.deviations = explorer.deviations();
        break;
      }
    }
    const std::uint64_t so_far = result.executions + result.redundant;
    if (so_far >= limits.executions || result.steps >= limits.steps ||
        (limits.enough && so_far % executions_between_looks == 0 && limits.enough(result))) {
      result.stopped = explorer.next();
      break;
    }
  } while (explorer.next());
  result.branches = explorer.branches();
  result.bounded = explorer.left_out();
  result.stopped = result.stopped || explorer.left_out_ways();
  return result;
}

Decision Replay::pick(const Execution& execution) {
  Decision decision;
  if (at_ < schedule_.size()) {
    decision = schedule_[at_++];
    if (decision.actor < actors_max && (execution.enabled() & (1u << decision.actor)) != 0) {
      const std::uint32_t options =
          decision.actor >= fibers_max
              ? 1
              : execution.model().options(decision.actor, execution.op(decision.actor), nullptr);
      if (decision.option < options) {
        last_ = decision.actor;
        return decision;
      }
    }
    fitted_ = false;
    at_ = schedule_.size();
  }
  last_ = plain_choice(execution.enabled(), last_);
  return {last_, 0};
}

}  // namespace ringside::check
