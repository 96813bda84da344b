// Words: from which stores a load may read, and after which ones a store may come, without a cycle.
#include "emu/check/model_armv8.h"

#include <algorithm>

namespace ringside::check {

namespace {

/// LDAR and LDAXR; an acquiring load alone is an LDAPR.
bool is_rcsc_load(OpKind kind, Order order) {
  return kind == OpKind::update ? acquires(order) : order == Order::seq_cst;
}

}  // namespace

ModelArmv8::ModelArmv8(const Space& space)
    : Model(space),
      orders_(space),
      touched_(space.bytes()),
      written_by_(space.words().size()),
      accessed_by_(space.words().size()) {}

void ModelArmv8::begin(std::uint32_t) {
  graph_.clear();
  orders_.begin();
  for (Thread& thread : threads_) thread = {};
  for (auto& nodes : notified_) nodes.clear();
  for (const std::uint32_t offset : touched_list_) touched_[offset] = {};
  touched_list_.clear();
  no_race();
}

bool ModelArmv8::divide(const Op& op) {
  return orders_.divide(op, [&](std::uint32_t part, std::uint32_t behind) {
    for (Thread& thread : threads_) {
      thread.seen[behind] = thread.seen[part];
      for (Load& load : thread.loads) {
        if (load.parts.has(part)) load.parts.add(behind);
      }
    }
  });
}

/// A store of another thread comes before the load that finds it; a store of an update comes before an
/// acquiring load of its own thread.
void ModelArmv8::collect_sources(std::uint32_t fiber, const Parts& parts, const Way& way, bool acquires,
                                 Set& before) const {
  for (std::uint32_t i = 0; i < parts.count; ++i) {
    const Stored& source = orders_.of(parts.of[i])[way[i]];
    if (source.fiber != fiber || (source.is_update && acquires)) graph_.collect(source.node, before);
  }
}

/// Collects the stores of other threads up to those, and their loads of overwritten values.
void ModelArmv8::collect_overwritten(std::uint32_t fiber, const Parts& parts, const Way& way,
                                     Set& before) const {
  for (std::uint32_t i = 0; i < parts.count; ++i) {
    for (std::uint32_t index = 0; index <= way[i]; ++index) {
      const Stored& each = orders_.of(parts.of[i])[index];
      if (each.fiber != fiber) graph_.collect(each.node, before);
      for (const Access& reader : each.readers) {
        if (reader.fiber != fiber) graph_.collect(reader.node, before);
      }
    }
  }
}

/// True: an access can come after `before`, and before the later stores of other threads.
bool ModelArmv8::fits_behind(std::uint32_t fiber, const Parts& parts, const Way& way,
                             const Set& before) const {
  for (std::uint32_t i = 0; i < parts.count; ++i) {
    const auto& stores = orders_.of(parts.of[i]);
    if (std::any_of(stores.begin() + way[i] + 1, stores.end(),
                    [&](const Stored& each) { return each.fiber != fiber && before.has(each.node); }))
      return false;
  }
  return true;
}

bool ModelArmv8::may_load(std::uint32_t fiber, OpKind kind, Order order, const Parts& parts, const Way& way,
                          Set& before) const {
  if (!orders_.is_one_load(parts, way)) return false;
  collect_for_load(threads_[fiber], is_rcsc_load(kind, order), before);
  collect_sources(fiber, parts, way, acquires(order), before);
  return fits_behind(fiber, parts, way, before);
}

bool ModelArmv8::may_store(std::uint32_t fiber, const Op& op, const Parts& parts, const Way& way) const {
  for (std::uint32_t i = 0; i < parts.count; ++i) {
    const auto& stores = orders_.of(parts.of[i]);
    if (way[i] + 1u < stores.size() && stores[way[i] + 1u].is_update) return false;
  }
  if (!orders_.is_one_store(parts, way)) return false;
  scratch_.clear();
  if (op.kind == OpKind::update && !may_load(fiber, op.kind, op.order, parts, way, scratch_)) return false;
  collect_for_store(threads_[fiber], releases(op.order), scratch_);
  collect_overwritten(fiber, parts, way, scratch_);
  return fits_behind(fiber, parts, way, scratch_);
}

/// Calls each(way) for each way, until it returns false. Of a load: the stores that it may find, beginning
/// with those that were executed last. Of a store: the stores after which it may come, from the newest. Of an
/// update that compares: also the stores that it may find without storing.
template <class Each>
void ModelArmv8::each_way(std::uint32_t fiber, const Op& op, const Parts& parts, Each each) const {
  Way oldest = {};
  for (std::uint32_t i = 0; i < parts.count; ++i) oldest[i] = threads_[fiber].seen[parts.of[i]];
  const auto may_be = [&](const Way& way) {
    const bool fails = orders_.differs(op, parts, way);
    if (op.kind != OpKind::load && !fails) return may_store(fiber, op, parts, way);
    scratch_.clear();
    return may_load(fiber, OpKind::load, fails ? op.failure : op.order, parts, way, scratch_);
  };
  orders_.each_way(parts, oldest, op.kind == OpKind::load ? First::executed_last : First::newest,
                   [&](const Way& way) { return !may_be(way) || each(way); });
}

std::uint32_t ModelArmv8::options(std::uint32_t fiber, const Op& op, const Clock* past) const {
  if (!op.reads() && !op.writes()) return Model::options(fiber, op, past);
  const Parts parts = orders_.parts_of(op);
  if (parts.count == 0) return 1;
  // A way that another order of steps yields for one part need not be possible for all parts.
  if (parts.count > 1) past = nullptr;
  std::uint32_t count = 0;
  const auto& stores = orders_.of(parts.of[0]);
  if (op.kind == OpKind::load) {
    // If the latest store may also be executed after this load, that other order covers the older values.
    if (past != nullptr && !comes_after(fiber, *past, stores[orders_.latest(parts.of[0])])) return 1;
    each_way(fiber, op, parts, [&](const Way&) { return ++count < ways_max; });
    return std::max(count, 1u);
  }
  std::uint32_t offered = 0;
  std::uint32_t racing = 0;  // the last turn of the newer stores that may also be executed later
  std::uint32_t above = past == nullptr ? 0 : static_cast<std::uint32_t>(stores.size());
  each_way(fiber, op, parts, [&](const Way& way) {
    const std::uint32_t index = way[0];
    ++count;
    for (; above > index + 1; --above) {
      const Stored& stored = stores[above - 1];
      if (!comes_after(fiber, *past, stored)) racing = std::max(racing, stored.turn);
    }
    // The execution in which this store is executed first covers the place before such a store, unless this
    // one can only be executed after another store, which it replaces.
    if (racing == 0 || (op.kind == OpKind::update && stores[index].turn > racing)) offered = count;
    return (racing == 0 || op.kind == OpKind::update) && count < ways_max;
  });
  return std::max(offered, 1u);
}

void ModelArmv8::before(std::uint32_t fiber, const Op& op, std::uint32_t option, std::uint32_t number) {
  Thread& thread = threads_[fiber];
  switch (op.kind) {
    case OpKind::fence:
      barrier(fiber, op.order, number);
      return;
    case OpKind::notify:
      notify(fiber, op.argument, number);
      return;
    case OpKind::wait:
      wait(fiber, op.argument, number);
      return;
    case OpKind::await:
      // The stores that it waits for become visible here; otherwise a loop would never end.
      orders_.each_watched(op, [&](std::uint32_t part) {
        thread.seen[part] = static_cast<std::uint16_t>(orders_.newest(part));
      });
      return;
    case OpKind::choose:
    case OpKind::flush:
      return;
    case OpKind::load:
    case OpKind::store:
    case OpKind::update:
      break;
  }
  const Parts parts = orders_.parts_of(op);
  thread.parts = parts;
  for (std::uint32_t i = 0; i < parts.count; ++i)
    thread.way[i] = static_cast<std::uint16_t>(orders_.newest(parts.of[i]));
  std::uint32_t left = option;
  each_way(fiber, op, parts, [&](const Way& way) {
    thread.way = way;
    return left-- != 0;
  });
  thread.has_failed = orders_.differs(op, parts, thread.way);
  thread.load = none;
  for (std::uint32_t i = 0; i < parts.count; ++i)
    orders_.put_into_space(parts.of[i], orders_.of(parts.of[i])[thread.way[i]]);
  if (op.reads() && parts.count != 0) thread.load = load_words(fiber, op, number);
  for (std::uint32_t at = op.first; at < op.last; ++at) {
    const Location& place = space().location(at);
    if (place.word < 0) {
      check_payload(fiber, op, std::max(place.offset, op.offset),
                    std::min(place.offset + place.size, op.offset + op.size), number);
    }
  }
}

void ModelArmv8::after(std::uint32_t fiber, const Op& op, std::uint32_t number) {
  const Thread& thread = threads_[fiber];
  if (op.writes() && !thread.has_failed && thread.parts.count != 0) store_words(fiber, op, number);
}

/// Orders the node before the later stores of other threads.
void ModelArmv8::order_before_later(std::uint32_t fiber, const Parts& parts, const Way& way, Node node) {
  for (std::uint32_t i = 0; i < parts.count; ++i) {
    const auto& stores = orders_.of(parts.of[i]);
    for (std::size_t later = way[i] + 1u; later < stores.size(); ++later) {
      if (stores[later].fiber != fiber) graph_.order(node, stores[later].node);
    }
  }
}

ModelArmv8::Node ModelArmv8::load_words(std::uint32_t fiber, const Op& op, std::uint32_t number) {
  Thread& thread = threads_[fiber];
  const OpKind kind = thread.has_failed ? OpKind::load : op.kind;
  const Order order = thread.has_failed ? op.failure : op.order;
  scratch_.clear();
  collect_for_load(thread, is_rcsc_load(kind, order), scratch_);
  collect_sources(fiber, thread.parts, thread.way, acquires(order), scratch_);
  const Node node = add(fiber, scratch_, number);
  order_before_later(fiber, thread.parts, thread.way, node);
  for (std::uint32_t i = 0; i < thread.parts.count; ++i) {
    const std::uint32_t part = thread.parts.of[i];
    orders_.of(part)[thread.way[i]].readers.push_back({node, fiber});
    thread.seen[part] = std::max(thread.seen[part], thread.way[i]);
    accessed_by_[orders_.word(part)] |= static_cast<std::uint8_t>(bit(fiber));
  }
  loaded(fiber, node, acquires(order));
  if (thread.all != node) thread.loads.push_back({node, thread.parts, op.code});
  return node;
}

void ModelArmv8::store_words(std::uint32_t fiber, const Op& op, std::uint32_t number) {
  Thread& thread = threads_[fiber];
  scratch_.clear();
  collect_for_store(thread, releases(op.order), scratch_);
  collect_overwritten(fiber, thread.parts, thread.way, scratch_);
  if (op.kind == OpKind::update) graph_.collect(thread.load, scratch_);
  const Node node = add(fiber, scratch_, number);
  order_before_later(fiber, thread.parts, thread.way, node);
  Stored now;
  now.fiber = fiber;
  now.node = node;
  now.number = number;
  now.access = orders_.next_access();
  now.is_update = op.kind == OpKind::update;
  for (std::uint32_t i = 0; i < thread.parts.count; ++i) {
    const std::uint32_t part = thread.parts.of[i];
    const auto index = static_cast<std::uint16_t>(thread.way[i] + 1);
    for (Thread& each : threads_) {
      if (each.seen[part] >= index) ++each.seen[part];
    }
    orders_.insert(part, index, now);
    thread.seen[part] = index;
    const std::uint32_t word = orders_.word(part);
    accessed_by_[word] |= static_cast<std::uint8_t>(bit(fiber));
    written_by_[word] |= static_cast<std::uint8_t>(bit(fiber));
  }
  note_buffering(fiber, op, node);
  stored(fiber, node, releases(op.order));
}

void ModelArmv8::peek(std::uint32_t offset, std::uint32_t bytes, std::byte* to) const {
  orders_.peek(offset, bytes, to);
}

}  // namespace ringside::check
