// The order within a thread, by barriers, acquiring loads and releasing stores; payload, which must be
// ordered; and possible load buffering.
#include <algorithm>

#include "emu/check/model_armv8.h"

namespace ringside::check {

void ModelArmv8::collect(const std::vector<Node>& nodes, Set& before) const {
  for (const Node node : nodes) graph_.collect(node, before);
}

void ModelArmv8::collect_for_load(const Thread& thread, bool is_rcsc, Set& before) const {
  graph_.collect(thread.all, before);
  if (is_rcsc) graph_.collect(thread.release, before);
}

void ModelArmv8::collect_for_store(const Thread& thread, bool releases, Set& before) const {
  graph_.collect(thread.all, before);
  graph_.collect(thread.stores, before);
  if (releases) collect(thread.any_since, before);
}

/// Adds a node after `before`. The next access to payload is a node of its own.
ModelArmv8::Node ModelArmv8::add(std::uint32_t fiber, const Set& before, std::uint32_t number) {
  Thread& thread = threads_[fiber];
  thread.payload_reads = none;
  thread.payload_writes = none;
  const Node node = graph_.add(before);
  thread.steps.push_back({node, number});
  return node;
}

void ModelArmv8::loaded(std::uint32_t fiber, Node node, bool acquires) {
  Thread& thread = threads_[fiber];
  thread.any_since.push_back(node);
  if (acquires || orders_loads_) {
    thread.all = node;
  } else {
    thread.loads_since.push_back(node);
  }
}

void ModelArmv8::stored(std::uint32_t fiber, Node node, bool releases) {
  Thread& thread = threads_[fiber];
  if (releases) {
    thread.any_since.clear();
    thread.release = node;
  }
  thread.any_since.push_back(node);
  thread.stores_since.push_back(node);
}

void ModelArmv8::barrier(std::uint32_t fiber, Order order, std::uint32_t number) {
  Thread& thread = threads_[fiber];
  scratch_.clear();
  graph_.collect(thread.all, scratch_);
  switch (order) {
    case Order::stores:  // dmb ishst
      graph_.collect(thread.stores, scratch_);
      collect(thread.stores_since, scratch_);
      thread.stores = add(fiber, scratch_, number);
      thread.stores_since.clear();
      return;
    case Order::loads:
    case Order::acquire:  // dmb ishld
      collect(thread.loads_since, scratch_);
      thread.all = add(fiber, scratch_, number);
      thread.loads_since.clear();
      thread.loads.clear();
      return;
    case Order::release:
    case Order::acq_rel:
    case Order::seq_cst:  // dmb ish
      collect(thread.any_since, scratch_);
      graph_.collect(thread.stores, scratch_);
      thread.all = add(fiber, scratch_, number);
      thread.stores = thread.release = none;
      thread.any_since.clear();
      thread.loads_since.clear();
      thread.stores_since.clear();
      thread.loads.clear();
      return;
    case Order::plain:
    case Order::relaxed:
      return;
  }
}

void ModelArmv8::notify(std::uint32_t fiber, std::uint32_t side, std::uint32_t number) {
  scratch_.clear();
  graph_.collect(threads_[fiber].all, scratch_);
  collect(threads_[fiber].any_since, scratch_);
  notified_[side].push_back(add(fiber, scratch_, number));
}

void ModelArmv8::wait(std::uint32_t fiber, std::uint32_t side, std::uint32_t number) {
  scratch_.clear();
  graph_.collect(threads_[fiber].all, scratch_);
  collect(notified_[side], scratch_);
  threads_[fiber].all = add(fiber, scratch_, number);
}

void ModelArmv8::check_payload(std::uint32_t fiber, const Op& op, std::uint32_t from, std::uint32_t to,
                               std::uint32_t number) {
  if (allows_races()) return;
  Thread& thread = threads_[fiber];
  // Accesses between the same barriers have the same order: one node for all of them.
  Node& node = op.writes() ? thread.payload_writes : thread.payload_reads;
  if (node == none) {
    scratch_.clear();
    if (op.writes()) {
      collect_for_store(thread, false, scratch_);
    } else {
      collect_for_load(thread, false, scratch_);
    }
    node = graph_.add(scratch_);
    thread.steps.push_back({node, number});
    if (op.writes()) {
      stored(fiber, node, false);
    } else {
      loaded(fiber, node, false);
    }
  }
  const auto is_unordered = [&](const Access& earlier) {
    return earlier.node != none && earlier.fiber != fiber && !graph_.is_before(earlier.node, node);
  };
  for (std::uint32_t offset = from; offset < to; ++offset) {
    Touched& touched = touched_[offset];
    if (is_unordered(touched.write)) found({offset, touched.write.fiber, touched.write_number, true});
    if (op.writes()) {
      for (std::uint32_t other = 0; other < fibers_max; ++other) {
        if (is_unordered({touched.reads[other], other}))
          found({offset, other, touched.read_numbers[other], false});
      }
      touched.write = {node, fiber};
      touched.write_number = number;
      touched.reads[fiber] = none;
    } else {
      touched.reads[fiber] = node;
      touched.read_numbers[fiber] = number;
    }
    touched_list_.push_back(offset);
  }
}

std::uint32_t ModelArmv8::steps_known(std::uint32_t fiber, std::uint32_t other) const {
  scratch_.clear();
  graph_.collect(threads_[fiber].all, scratch_);
  for (const Step& step : threads_[other].steps) {
    if (!scratch_.has(step.node)) return step.number - 1;
  }
  return unlimited_steps;
}

void ModelArmv8::note_buffering(std::uint32_t fiber, const Op& op, Node store) {
  const Parts& stored = threads_[fiber].parts;
  for (const Load& load : threads_[fiber].loads) {
    const auto end = load.parts.of.begin() + load.parts.count;
    // Coherence keeps them in order.
    const bool is_covered =
        std::all_of(load.parts.of.begin(), end, [&](std::uint16_t part) { return stored.has(part); });
    if (is_covered || graph_.is_before(load.node, store)) continue;
    for (std::uint32_t i = 0; i < load.parts.count * stored.count; ++i) {
      const Buffering about{orders_.word(load.parts.of[i % load.parts.count]),
                            orders_.word(stored.of[i / load.parts.count]), load.code, op.code, fiber};
      if (std::find(buffering_.begin(), buffering_.end(), about) == buffering_.end())
        buffering_.push_back(about);
    }
  }
}

std::vector<Buffering> ModelArmv8::buffering() const {
  std::vector<Buffering> found;
  std::copy_if(buffering_.begin(), buffering_.end(), std::back_inserter(found), [&](const Buffering& each) {
    // It matters only if another thread stores to the loaded word, and another one accesses the stored word.
    const std::uint32_t others = ~bit(each.fiber);
    return (written_by_[each.loaded] & others) != 0 && (accessed_by_[each.stored] & others) != 0;
  });
  return found;
}

}  // namespace ringside::check
