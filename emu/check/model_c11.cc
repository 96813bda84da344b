// Views: which stores a fiber may still read, which ones it must have seen, and which steps happened before
// its next one.
#include "emu/check/model_c11.h"

#include <algorithm>

namespace ringside::check {

void ModelC11::join(Frontier& to, const Frontier& from) const {
  // Only the existing parts; most programs have a few.
  for (std::size_t i = 0; i < orders_.count(); ++i) to.seen[i] = std::max(to.seen[i], from.seen[i]);
  for (std::size_t i = 0; i < fibers_max; ++i) {
    to.loads[i] = std::max(to.loads[i], from.loads[i]);
    to.stores[i] = std::max(to.stores[i], from.stores[i]);
  }
}

ModelC11::ModelC11(const Space& space) : Model(space), orders_(space), touched_(space.bytes()) {}

void ModelC11::begin(std::uint32_t) {
  orders_.begin();
  threads_ = {};
  events_ = {};
  barriers_ = {};
  for (const std::uint32_t offset : touched_list_) touched_[offset] = {};
  touched_list_.clear();
  no_race();
}

void ModelC11::place(Op& op) const {
  Model::place(op);
  // Full barriers have one order.
  if (op.order != Order::seq_cst && op.failure != Order::seq_cst) return;
  op.also = space().fence_location();
  op.also_writes = true;
}

/// Calls each(frontier) for all frontiers.
template <class Each>
void ModelC11::each_frontier(Each each) {
  for (Thread& thread : threads_) {
    each(thread.current);
    each(thread.to_acquire);
    each(thread.wrote);
    each(thread.released);
    each(thread.read);
  }
  for (Frontier& event : events_) each(event);
  each(barriers_);
  for (std::uint32_t part = 0; part < orders_.count(); ++part) {
    for (Stored& stored : orders_.of(part)) each(stored.message);
  }
}

bool ModelC11::divide(const Op& op) {
  return orders_.divide(op, [&](std::uint32_t part, std::uint32_t behind) {
    each_frontier([&](Frontier& frontier) { frontier.seen[behind] = frontier.seen[part]; });
  });
}

std::uint32_t ModelC11::options(std::uint32_t fiber, const Op& op, const Clock* past) const {
  if (!op.reads() && !op.writes()) return Model::options(fiber, op, past);
  const Parts parts = orders_.parts_of(op);
  if (parts.count == 0) return 1;
  if (parts.count == 1) {
    return op.kind == OpKind::load ? ways_to_load(fiber, op, parts.of[0], past)
                                   : ways_to_store(fiber, op, parts, past);
  }
  // A way that another order of steps yields for one part need not be possible for all parts.
  std::uint32_t count = 0;
  each_way(fiber, op, parts, [&](const Way&) { return ++count < ways_max; });
  return std::max(count, 1u);
}

std::uint32_t ModelC11::oldest(std::uint32_t fiber, std::uint32_t part, Order order) const {
  const Thread& thread = threads_[fiber];
  const std::uint32_t seen = thread.current.seen[part];
  // A sequentially consistent operation begins with a full barrier.
  if (order != Order::seq_cst) return seen;
  return std::max<std::uint32_t>(seen, std::max(thread.to_acquire.seen[part], barriers_.seen[part]));
}

std::uint32_t ModelC11::ways_to_load(std::uint32_t fiber, const Op& op, std::uint32_t part,
                                     const Clock* past) const {
  const auto& stores = orders_.of(part);
  // If the latest store may also be executed after this load, that other order covers the older values.
  if (past != nullptr && !comes_after(fiber, *past, stores[orders_.latest(part)])) return 1;
  return static_cast<std::uint32_t>(stores.size()) - oldest(fiber, part, op.order);
}

/// A load that finds a store in one part finds nothing in the others that is older than the view of that
/// store.
bool ModelC11::is_one_load(const Parts& parts, const Way& way) const {
  for (std::uint32_t i = 0; parts.count > 1 && i < parts.count; ++i) {
    const Frontier& message = orders_.of(parts.of[i])[way[i]].message;
    for (std::uint32_t other = 0; other < parts.count; ++other) {
      if (way[other] < message.seen[parts.of[other]]) return false;
    }
  }
  return true;
}

/// True: it may come after store `index`; `oldest` is the first store after which it may come.
bool ModelC11::may_store(const Op& op, std::uint32_t part, std::uint32_t index, std::uint32_t oldest) const {
  const auto& stores = orders_.of(part);
  if (index < oldest || (index + 1 < stores.size() && stores[index + 1].is_update)) return false;
  // The sequentially consistent stores to a word have the order of their execution.
  return op.order != Order::seq_cst || std::none_of(stores.begin() + index + 1, stores.end(),
                                                    [](const Stored& later) { return later.is_seq_cst; });
}

template <class Each>
void ModelC11::each_way(std::uint32_t fiber, const Op& op, const Parts& parts, Each each) const {
  Way to_take = {};
  Way to_fail = {};
  for (std::uint32_t i = 0; i < parts.count; ++i) {
    to_take[i] = static_cast<std::uint16_t>(oldest(fiber, parts.of[i], op.order));
    if (op.expected != nullptr)
      to_fail[i] = static_cast<std::uint16_t>(oldest(fiber, parts.of[i], op.failure));
  }
  if (op.kind == OpKind::load) {
    orders_.each_way(parts, to_take, First::executed_last,
                     [&](const Way& way) { return !is_one_load(parts, way) || each(way); });
    return;
  }
  Way from = to_take;
  for (std::uint32_t i = 0; op.expected != nullptr && i < parts.count; ++i)
    from[i] = std::min(to_take[i], to_fail[i]);
  const auto may_be = [&](const Way& way) {
    if (op.kind == OpKind::update && !is_one_load(parts, way)) return false;
    const bool fails = orders_.differs(op, parts, way);
    for (std::uint32_t i = 0; i < parts.count; ++i) {
      if (fails ? way[i] < to_fail[i] : !may_store(op, parts.of[i], way[i], to_take[i])) return false;
    }
    return fails || orders_.is_one_store(parts, way);
  };
  orders_.each_way(parts, from, First::newest, [&](const Way& way) { return !may_be(way) || each(way); });
}

/// For a store to one part.
std::uint32_t ModelC11::ways_to_store(std::uint32_t fiber, const Op& op, const Parts& parts,
                                      const Clock* past) const {
  const auto& stores = orders_.of(parts.of[0]);
  std::uint32_t places = 0;
  std::uint32_t offered = 0;
  std::uint32_t racing = 0;  // the last turn of the newer stores that may also be executed later
  std::uint32_t above = past == nullptr ? 0 : static_cast<std::uint32_t>(stores.size());
  each_way(fiber, op, parts, [&](const Way& way) {
    const std::uint32_t index = way[0];
    ++places;
    for (; above > index + 1; --above) {
      const Stored& stored = stores[above - 1];
      if (!comes_after(fiber, *past, stored)) racing = std::max(racing, stored.turn);
    }
    // The execution in which this store is executed first covers the place before such a store, unless this
    // one can only be executed after another store, which it replaces.
    if (racing == 0 || (op.kind == OpKind::update && stores[index].turn > racing)) offered = places;
    return racing == 0 || op.kind == OpKind::update;
  });
  return std::max(offered, 1u);
}

Way ModelC11::way_of(std::uint32_t fiber, const Op& op, const Parts& parts, std::uint32_t option) const {
  Way found = {};
  std::uint32_t left = option;
  each_way(fiber, op, parts, [&](const Way& way) {
    found = way;
    return left-- != 0;
  });
  return found;
}

void ModelC11::barrier(std::uint32_t fiber, Order order) {
  Thread& thread = threads_[fiber];
  if (acquires(order)) join(thread.current, thread.to_acquire);
  if (order == Order::seq_cst) {
    join(thread.current, barriers_);
    barriers_ = thread.current;
  }
  if (releases(order)) thread.released = thread.current;
  if (order == Order::stores) {
    join(thread.released, thread.wrote);
    thread.released.stores[fiber] = thread.current.stores[fiber];
  }
  if (order == Order::loads) {
    join(thread.released, thread.to_acquire);
    thread.released.loads[fiber] = thread.current.loads[fiber];
  }
}

/// Inserts a store before others of its part, and renumbers those in every frontier.
void ModelC11::insert(std::uint32_t part, std::uint32_t index, Stored stored) {
  if (index < orders_.of(part).size()) {
    const auto shift = [&](Frontier& frontier) {
      if (frontier.seen[part] >= index) ++frontier.seen[part];
    };
    each_frontier(shift);
    shift(stored.message);
  }
  orders_.insert(part, index, stored);
}

void ModelC11::before(std::uint32_t fiber, const Op& op, std::uint32_t option, std::uint32_t number) {
  Thread& thread = threads_[fiber];
  thread.current.loads[fiber] = thread.current.stores[fiber] = static_cast<std::uint16_t>(number);
  switch (op.kind) {
    case OpKind::fence:
      barrier(fiber, op.order);
      return;
    case OpKind::notify:
      join(events_[op.argument], thread.current);
      return;
    case OpKind::wait:
      join(thread.current, events_[op.argument]);
      join(thread.to_acquire, events_[op.argument]);
      return;
    case OpKind::await:
      // The stores that it waits for become visible here; otherwise a loop would never end.
      orders_.each_watched(op, [&](std::uint32_t part) {
        thread.current.seen[part] = static_cast<std::uint16_t>(orders_.newest(part));
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
  const Way way = way_of(fiber, op, parts, option);
  thread.parts = parts;
  thread.way = way;
  thread.has_failed = orders_.differs(op, parts, way);
  const Order order = thread.has_failed ? op.failure : op.order;
  if (order == Order::seq_cst) barrier(fiber, Order::seq_cst);
  if (op.kind == OpKind::update) thread.read = {};
  for (std::uint32_t i = 0; i < parts.count; ++i) {
    const std::uint32_t part = parts.of[i];
    const Stored& stored = orders_.of(part)[way[i]];
    orders_.put_into_space(part, stored);
    if (!op.reads()) continue;
    thread.current.seen[part] = std::max(thread.current.seen[part], way[i]);
    if (acquires(order)) join(thread.current, stored.message);
    if (op.kind == OpKind::update) join(thread.read, stored.message);
    // A fiber may read its own store before others see it.
    if (stored.fiber != fiber) join(thread.to_acquire, stored.message);
  }
  for (std::uint32_t at = op.first; at < op.last; ++at) {
    const Location& place = space().location(at);
    if (place.word < 0) {
      check_payload(fiber, op, std::max(place.offset, op.offset),
                    std::min(place.offset + place.size, op.offset + op.size), number);
    }
  }
}

void ModelC11::check_payload(std::uint32_t fiber, const Op& op, std::uint32_t from, std::uint32_t to,
                             std::uint32_t number) {
  if (allows_races()) return;
  const Frontier& known = threads_[fiber].current;
  for (std::uint32_t offset = from; offset < to; ++offset) {
    Touched& touched = touched_[offset];
    if (touched.write_number != 0 && touched.writer != fiber &&
        known.stores[touched.writer] < touched.write_number)
      found({offset, touched.writer, touched.write_number, true});
    if (op.writes()) {
      for (std::uint32_t other = 0; other < fibers_max; ++other) {
        if (other != fiber && known.loads[other] < touched.read_numbers[other])
          found({offset, other, touched.read_numbers[other], false});
      }
      touched.write_number = static_cast<std::uint16_t>(number);
      touched.writer = static_cast<std::uint8_t>(fiber);
      touched.read_numbers[fiber] = 0;
    }
    if (!op.writes()) touched.read_numbers[fiber] = static_cast<std::uint16_t>(number);
    touched_list_.push_back(offset);
  }
}

void ModelC11::after(std::uint32_t fiber, const Op& op, std::uint32_t number) {
  Thread& thread = threads_[fiber];
  if (!op.writes() || thread.has_failed || thread.parts.count == 0) return;
  const Parts& parts = thread.parts;
  Stored stored;
  stored.fiber = fiber;
  stored.number = number;
  stored.access = orders_.next_access();
  stored.is_update = op.kind == OpKind::update;
  stored.is_seq_cst = op.order == Order::seq_cst;
  stored.message = releases(op.order) ? thread.current : thread.released;
  if (op.kind == OpKind::update) join(stored.message, thread.read);
  for (std::uint32_t i = 0; i < parts.count; ++i) {
    const auto index = static_cast<std::uint16_t>(thread.way[i] + 1);
    insert(parts.of[i], index, stored);
    thread.current.seen[parts.of[i]] = index;
    stored.message.seen[parts.of[i]] = index;
  }
  // A thread that sees the store in one part sees it in all its parts.
  for (std::uint32_t i = 0; i < parts.count; ++i)
    orders_.of(parts.of[i])[thread.way[i] + 1u].message = stored.message;
  join(thread.wrote, stored.message);
}

void ModelC11::peek(std::uint32_t offset, std::uint32_t bytes, std::byte* to) const {
  orders_.peek(offset, bytes, to);
}

}  // namespace ringside::check
