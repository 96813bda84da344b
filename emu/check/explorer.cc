// The analysis of races, sleep sets and backtracking, on the tree along the current execution. It makes no
// step itself.
#include "emu/check/explorer.h"

#include <algorithm>
#include <bit>

#include "emu/base/check.h"

namespace ringside::check {

namespace {

constexpr std::uint32_t flushers = ((1u << fibers_max) - 1) << fibers_max;

/// A fiber and its store buffer: they share only the buffer's order.
constexpr bool are_pair(std::uint32_t actor, std::uint32_t other) {
  return actor != other && actor % fibers_max == other % fibers_max;
}

/// Whether the store is in a store buffer, where no other fiber sees it.
bool is_buffered(const Op& op) {
  return op.kind == OpKind::store && op.first == op.last;
}

/// Two notifications may swap. A wait takes the event, so that it may not swap with a notification.
bool writes_range(const Op& op) {
  return op.writes() || op.kind == OpKind::wait;
}

/// A wait for any store.
bool is_for_any(const Op& op) {
  return op.kind == OpKind::await && op.watched_count == 0;
}

/// Whether the order of the store and the await, which can both happen now, matters.
bool matters(const Op& store, const Op& await) {
  if (await.kind != OpKind::await || !store.changes) return false;
  if (await.watched_count == 0) return true;
  return await.sees_newest && std::any_of(await.watched.begin(), await.watched.begin() + await.watched_count,
                                          [&](std::uint16_t location) {
                                            return location >= store.first && location < store.last;
                                          });
}

void join(Clock& clock, const Clock& other) {
  for (std::size_t i = 0; i < clock.size(); ++i) clock[i] = std::max(clock[i], other[i]);
}

}  // namespace

std::uint32_t plain_choice(std::uint32_t candidates, std::uint32_t last) {
  const std::uint32_t to_flush = candidates & flushers;
  if (to_flush != 0) return static_cast<std::uint32_t>(std::countr_zero(to_flush));
  if (last < actors_max && (candidates & bit(last % fibers_max)) != 0) return last % fibers_max;
  return static_cast<std::uint32_t>(std::countr_zero(candidates));
}

Explorer::Explorer(const Execution& execution, const Limits& limits)
    : bound_(limits.bound),
      part_(limits.part),
      branches_(limits.part.size()),
      branch_depth_(limits.part.empty() ? 0 : limits.part.back().depth),
      touched_(execution.space().location_count()) {
  nodes_.reserve(1024);
  forget();
}

void Explorer::forget() {
  depth_ = 0;
  is_of_other_part_ = false;
  for (const std::uint16_t location : touched_list_) touched_[location] = {};
  touched_list_.clear();
  last_of_ = {};
  count_of_ = {};
  for (auto& stores : buffered_) stores.clear();
}

/// Calls each(location, true if it writes there).
template <class Each>
void Explorer::each_location(const Op& op, Each each) const {
  const bool writes = writes_range(op);
  for (std::uint32_t location = op.first; location < op.last; ++location) each(location, writes);
  for (std::size_t i = 0; op.sees_newest && i < op.watched_count; ++i) each(op.watched[i], false);
  if (op.also != 0) each(op.also, op.also_writes);
  // The last location stands for "any store"; steps that change memory may swap with each other.
  if (op.changes) each(touched_.size() - 1, false);
}

/// The step at `depth` has happened.
void Explorer::touch(std::uint32_t depth) {
  const Node& node = nodes_[depth];
  each_location(node.op, [&](std::size_t location, bool writes) {
    Touched& touched = touched_[location];
    (writes ? touched.write : touched.read)[node.actor] = static_cast<std::uint16_t>(depth + 1);
    touched_list_.push_back(static_cast<std::uint16_t>(location));
  });
  last_of_[node.actor] = depth + 1;
  count_of_[node.actor] = node.number;
  if (is_buffered(node.op)) buffered_[node.actor].push_back(depth + 1);
}

Decision Explorer::pick(const Execution& execution) {
  if (depth_ >= length_) {
    add_node(execution);
    if (length_ == depth_) return {};
  }
  Node& node = nodes_[depth_];
  if (depth_ < fresh_) {
    const Op& op = execution.op(node.actor);
    has_diverged_ = (execution.enabled() & bit(node.actor)) == 0 || op.kind != node.op.kind ||
                    op.offset != node.op.offset || op.size != node.op.size;
    if (has_diverged_) return {};
  }
  if (depth_ >= fresh_) {
    analyse(execution, node);
    fresh_ = depth_ + 1;
  }
  touch(depth_++);
  return {node.actor, node.option};
}

/// Adds a state that was not visited before. There is none if all steps that are possible here are explored
/// elsewhere, or in another part.
void Explorer::add_node(const Execution& execution) {
  Node node;
  node.enabled = static_cast<std::uint8_t>(execution.enabled());
  std::uint32_t last = actors_max;
  if (depth_ > 0) {
    const Node& before = nodes_[depth_ - 1];
    last = before.actor;
    for (std::uint32_t asleep = before.sleep; asleep != 0; asleep &= asleep - 1) {
      const auto actor = static_cast<std::uint32_t>(std::countr_zero(asleep));
      if (!dependent(actor, execution.op(actor), before.actor, before.op))
        node.sleep |= static_cast<std::uint8_t>(bit(actor));
    }
    node.cost = before.cost + cost_of(depth_ - 1, before.actor, before.option);
  }
  if (nodes_.size() <= depth_) nodes_.resize(depth_ + 1);
  nodes_[depth_] = node;
  const std::uint32_t candidates = affordable(depth_, node.enabled & ~node.sleep);
  if (candidates == 0) return;
  for (std::size_t part = 0; part < part_.size(); ++part) {
    if (depth_ != part_[part].depth || takes_next_branch(part)) continue;
    is_of_other_part_ = true;
    return;
  }
  nodes_[depth_].actor = static_cast<std::uint8_t>(plain_choice(candidates, last));
  // A part does not see the races that other parts find, so every candidate is a branch.
  nodes_[depth_].backtrack =
      static_cast<std::uint8_t>(depth_ < branch_depth_ ? candidates : bit(nodes_[depth_].actor));
  length_ = depth_ + 1;
}

bool Explorer::dependent(std::uint32_t actor, const Op& op, std::uint32_t other_actor, const Op& other) {
  if (are_pair(actor, other_actor)) return false;
  const bool write = writes_range(op);
  const bool other_write = writes_range(other);
  if ((write || other_write) && op.first < other.last && other.first < op.last) return true;
  if (op.also != 0 && op.also == other.also && (op.also_writes || other.also_writes)) return true;
  if (op.kind != OpKind::await && other.kind != OpKind::await) return false;
  return matters(op, other) || matters(other, op) || (is_for_any(op) && is_for_any(other));
}

/// The number of deviations from the plain order if `actor` makes the next step at `depth`.
std::uint32_t Explorer::cost_of(std::uint32_t depth, std::uint32_t actor, std::uint32_t option) const {
  const Node& node = nodes_[depth];
  std::uint32_t cost = option > 0 && (node.op.kind != OpKind::choose || node.op.deviates) ? 1 : 0;
  if (actor >= fibers_max || depth == 0) return cost;
  const Node& before = nodes_[depth - 1];
  const bool was_delaying = before.actor < fibers_max && (before.enabled & flushers) != 0;
  if ((node.enabled & flushers) != 0 && !was_delaying) ++cost;
  const std::uint32_t running = before.actor % fibers_max;
  if (actor != running && (node.enabled & bit(running)) != 0) ++cost;
  return cost;
}

/// The candidates that the bound allows.
std::uint32_t Explorer::affordable(std::uint32_t depth, std::uint32_t candidates) {
  if (bound_ == unbounded) return candidates;
  std::uint32_t allowed = 0;
  for (std::uint32_t left = candidates; left != 0; left &= left - 1) {
    const auto actor = static_cast<std::uint32_t>(std::countr_zero(left));
    if (nodes_[depth].cost + cost_of(depth, actor, 0) <= bound_) {
      allowed |= bit(actor);
    } else {
      left_out_ = true;
    }
  }
  return allowed;
}

/// Finds the steps that happen before the step of `node`, and those that could also happen after it.
void Explorer::analyse(const Execution& execution, Node& node) {
  const std::uint32_t actor = node.actor;
  node.op = execution.op(actor);
  node.number = static_cast<std::uint16_t>(count_of_[actor] + 1);
  node.was_raised = (node.op.kind == OpKind::notify || node.op.kind == OpKind::wait) &&
                    execution.is_raised(node.op.argument);
  node.has_one_change = node.op.watched_count != 0 && execution.changes_for(actor) == 1;
  Clock past = {};
  if (last_of_[actor] != 0) past = nodes_[last_of_[actor] - 1].clock;
  if (actor >= fibers_max) {
    join(past, nodes_[buffered_[actor - fibers_max][node.number - 1u] - 1].clock);
  } else if (node.op.is_barrier() && last_of_[actor + fibers_max] != 0) {
    join(past, nodes_[last_of_[actor + fibers_max] - 1].clock);
  }
  const std::uint32_t ways = actor >= fibers_max ? 1 : options_of(execution, node.op, actor, past);
  if (ways >= ways_max) left_out_ways_ = true;
  node.options = static_cast<std::uint16_t>(std::min(ways, ways_max));
  node.option = 0;

  candidates_.clear();
  each_location(node.op, [&](std::size_t location, bool writes) {
    const Touched& touched = touched_[location];
    for (std::uint32_t other = 0; other < actors_max; ++other) {
      if (other == actor || are_pair(actor, other)) continue;
      const std::uint32_t latest =
          writes ? std::max(touched.write[other], touched.read[other]) : touched.write[other];
      if (latest != 0 && nodes_[latest - 1].number > past[other]) candidates_.push_back(latest - 1);
    }
  });
  node.clock = past;
  if (node.op.watched_count != 0 && !node.op.sees_newest) {
    find_end_of_wait(execution, node);
  } else if (!candidates_.empty()) {
    std::sort(candidates_.begin(), candidates_.end(), std::greater<>());
    candidates_.erase(std::unique(candidates_.begin(), candidates_.end()), candidates_.end());
    // A candidate in the past of a later one is ordered by it, and is no race.
    std::size_t races = 0;
    for (const std::uint32_t candidate : candidates_) {
      const Node& earlier = nodes_[candidate];
      if (node.clock[earlier.actor] >= earlier.number) continue;
      join(node.clock, earlier.clock);
      if (reversible(candidate, node)) candidates_[races++] = candidate;
    }
    candidates_.resize(races);
  }
  node.clock[actor] = node.number;
  for (const std::uint32_t race : candidates_) reverse(race, node);
}

/// A wait comes after the first change that ends it, and the order of the wait and later changes does not
/// matter. There is a race if a change of another location could have ended it, too.
void Explorer::find_end_of_wait(const Execution& execution, Node& node) {
  const auto steps = execution.first_changes_for(node.actor);
  const std::uint32_t first = *std::min_element(steps.begin(), steps.end());
  if (first == Waiting::no_step) return;
  const Node& end = nodes_[first];
  join(node.clock, end.clock);
  if (std::any_of(steps.begin(), steps.end(), [&](std::uint32_t step) {
        return step != Waiting::no_step && nodes_[step].clock[end.actor] < end.number;
      }))
    candidates_.push_back(first);
}

/// The order of full barriers is fixed when one is made: the earlier ones are known, and another order is
/// another execution.
std::uint32_t Explorer::options_of(const Execution& execution, const Op& op, std::uint32_t fiber,
                                   Clock past) const {
  if (op.also != 0) {
    for (const std::uint16_t latest : touched_[op.also].write) {
      if (latest != 0) join(past, nodes_[latest - 1].clock);
    }
  }
  return execution.model().options(fiber, op, &past);
}

/// False: the later step was not possible before the earlier one.
bool Explorer::reversible(std::uint32_t race, const Node& node) const {
  const Node& earlier = nodes_[race];
  if (node.has_one_change) return false;
  if (node.op.kind == OpKind::wait && earlier.op.kind == OpKind::notify) {
    if (earlier.was_raised) return true;
    // Another fiber may also have raised it.
    const Touched& touched = touched_[node.op.first];
    return std::count_if(touched.read.begin(), touched.read.end(), [](std::uint16_t at) { return at != 0; }) >
           1;
  }
  return true;
}

/// Asks for an execution in which the step of `node` comes before the one at depth `race`.
void Explorer::reverse(std::uint32_t race, const Node& node) {
  const Node& earlier = nodes_[race];
  // Steps that do not depend on the earlier step can happen without it, then `node`. Actors that can begin
  // this sequence are the initials.
  std::array<std::uint16_t, actors_max> first = {};
  std::uint32_t initials = 0;
  const auto take = [&](const Node& step) {
    if (first[step.actor] != 0) return;
    first[step.actor] = step.number;
    for (std::uint32_t other = 0; other < actors_max; ++other) {
      if (other != step.actor && first[other] != 0 && step.clock[other] >= first[other]) return;
    }
    initials |= bit(step.actor);
  };
  for (std::uint32_t at = race + 1; at < depth_; ++at) {
    if (nodes_[at].clock[earlier.actor] < earlier.number) take(nodes_[at]);
  }
  take(node);
  Node& where = nodes_[race];
  if ((initials & (where.backtrack | where.sleep)) != 0) return;
  std::uint32_t chosen = initials & where.enabled;
  if (chosen == 0) {
    where.backtrack = where.enabled;
    return;
  }
  if (bound_ != unbounded) {
    const std::uint32_t allowed = affordable(race, chosen);
    if (allowed != 0) chosen = allowed;
  }
  const std::uint32_t one = (chosen & bit(node.actor)) != 0 ? bit(node.actor) : chosen & (~chosen + 1);
  where.backtrack |= static_cast<std::uint8_t>(one);
}

bool Explorer::is_of_other_part(End end) {
  if (end == End::abandoned && is_of_other_part_) return true;
  // An execution without a step after the branches is a branch itself.
  for (std::size_t part = 0; part < part_.size(); ++part) {
    if (depth_ <= part_[part].depth && !takes_next_branch(part)) return true;
  }
  return false;
}

bool Explorer::next() {
  while (length_ > 0) {
    const std::uint32_t depth = length_ - 1;
    Node& node = nodes_[depth];
    if (node.option + 1 < node.options) {
      const std::uint32_t option = node.option + 1u;
      if (node.cost + cost_of(depth, node.actor, option) <= bound_) {
        ++node.option;
        fresh_ = length_;
        forget();
        return true;
      }
      left_out_ = true;
    }
    node.sleep |= static_cast<std::uint8_t>(bit(node.actor));
    const std::uint32_t candidates = affordable(depth, node.backtrack & ~node.sleep);
    if (candidates != 0) {
      node.actor = static_cast<std::uint8_t>(
          plain_choice(candidates, depth > 0 ? nodes_[depth - 1].actor : actors_max));
      node.option = 0;
      fresh_ = depth;
      forget();
      return true;
    }
    --length_;
  }
  return false;
}

std::uint32_t Explorer::deviations() const {
  if (depth_ == 0) return 0;
  const Node& last = nodes_[depth_ - 1];
  return last.cost + cost_of(depth_ - 1, last.actor, last.option);
}

}  // namespace ringside::check
