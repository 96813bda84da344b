// Views: which stores a fiber may still read, which it has to have seen, and which steps happened before its
// next one.
#include "emu/check/model_c11.h"

#include <algorithm>

namespace ringside::check {

void ModelC11::Frontier::join(const Frontier& other) {
  for (std::size_t i = 0; i < seen.size(); ++i) seen[i] = std::max(seen[i], other.seen[i]);
  for (std::size_t i = 0; i < loads.size(); ++i) loads[i] = std::max(loads[i], other.loads[i]);
  for (std::size_t i = 0; i < stores.size(); ++i) stores[i] = std::max(stores[i], other.stores[i]);
}

ModelC11::ModelC11(const Space& space)
    : Model(space), stores_(space.words().size()), latest_(stores_.size()), touched_(space.bytes()) {}

void ModelC11::begin(std::uint32_t) {
  for (std::size_t i = 0; i < stores_.size(); ++i) {
    const Word& word = space().words()[i];
    Stored first;
    std::copy_n(space().at(word.offset), word.size, first.bytes.begin());
    stores_[i].clear();
    stores_[i].push_back(first);
    latest_[i] = 0;
  }
  threads_ = {};
  events_ = {};
  barriers_ = {};
  for (const std::uint32_t offset : touched_list_) touched_[offset] = {};
  touched_list_.clear();
  no_race();
}

void ModelC11::place(Op& op) const {
  Model::place(op);
  // Full barriers are ordered among each other.
  if (op.order != Order::seq_cst && op.failure != Order::seq_cst) return;
  op.also = space().fence_location();
  op.also_writes = true;
}

std::uint32_t ModelC11::options(std::uint32_t fiber, const Op& op, const Clock* past) const {
  if (!op.reads() && !op.writes()) return Model::options(fiber, op, past);
  const int word = space().word_at(op.offset);
  if (word < 0) return 1;
  return op.kind == OpKind::load ? ways_to_load(fiber, op, static_cast<std::uint32_t>(word), past)
                                 : ways_to_store(fiber, op, static_cast<std::uint32_t>(word), past);
}

std::uint32_t ModelC11::oldest(std::uint32_t fiber, std::uint32_t word, Order order) const {
  const Thread& thread = threads_[fiber];
  const std::uint32_t seen = thread.current.seen[word];
  // Such an operation is a full barrier first.
  if (order != Order::seq_cst) return seen;
  return std::max<std::uint32_t>(seen, std::max(thread.to_acquire.seen[word], barriers_.seen[word]));
}

namespace {

/// A step of `fiber` that knows `past` comes after that step anyway.
bool comes_after(std::uint32_t fiber, const Clock& past, std::uint32_t other, std::uint32_t number) {
  return other == fibers_max || other == fiber || past[other] >= number;
}

}  // namespace

std::uint32_t ModelC11::ways_to_load(std::uint32_t fiber, const Op& op, std::uint32_t word,
                                     const Clock* past) const {
  const auto& stores = stores_[word];
  const Stored& latest = stores[latest_[word]];
  // If the latest store may as well be executed later than this load, then the order in which it is shows
  // what was there before it.
  if (past != nullptr && !comes_after(fiber, *past, latest.fiber, latest.number)) return 1;
  return static_cast<std::uint32_t>(stores.size()) - oldest(fiber, word, op.order);
}

/// First the one that was executed last, then from the newest.
std::uint32_t ModelC11::loaded(std::uint32_t fiber, const Op& op, std::uint32_t word,
                               std::uint32_t option) const {
  const auto newest = static_cast<std::uint32_t>(stores_[word].size() - 1);
  const std::uint32_t latest = latest_[word];
  if (latest < oldest(fiber, word, op.order)) return newest - option;
  if (option == 0) return latest;
  const std::uint32_t index = newest - (option - 1);
  return index > latest ? index : index - 1;
}

bool ModelC11::differs(const Op& op, std::uint32_t word, const Stored& stored) const {
  const std::byte* found = stored.bytes.data() + (op.offset - space().words()[word].offset);
  return !std::equal(op.expected, op.expected + op.size, found);
}

/// C11 knows no such store: it stays where it was executed.
bool ModelC11::is_part(const Op& op, std::uint32_t word) const {
  const Word& whole = space().words()[word];
  return op.offset != whole.offset || op.size != whole.size;
}

template <class Each>
void ModelC11::each_place(std::uint32_t fiber, const Op& op, std::uint32_t word, Each each) const {
  const auto& stores = stores_[word];
  const auto newest = static_cast<std::uint32_t>(stores.size() - 1);
  if (is_part(op, word)) {
    each(newest);
    return;
  }
  const std::uint32_t to_store = oldest(fiber, word, op.order);
  const std::uint32_t to_fail = op.expected == nullptr ? to_store : oldest(fiber, word, op.failure);
  bool may_store = true;
  for (std::uint32_t index = newest;; --index) {
    const bool fails = op.expected != nullptr && differs(op, word, stores[index]);
    const bool is_free = index == newest || !stores[index + 1].is_update;
    const bool is_place = fails ? index >= to_fail : may_store && index >= to_store && is_free;
    if (is_place && !each(index)) return;
    // The sequentially consistent stores to a word have one order, that of their execution.
    may_store = may_store && !(op.order == Order::seq_cst && stores[index].is_seq_cst);
    if (index == std::min(to_store, to_fail) || (!may_store && op.expected == nullptr)) return;
  }
}

std::uint32_t ModelC11::ways_to_store(std::uint32_t fiber, const Op& op, std::uint32_t word,
                                      const Clock* past) const {
  std::uint32_t places = 0;
  std::uint32_t offered = 0;
  std::uint32_t racing = 0;  // the last turn of those above that may as well be executed later
  std::uint32_t above = past == nullptr ? 0 : static_cast<std::uint32_t>(stores_[word].size());
  each_place(fiber, op, word, [&](std::uint32_t index) {
    ++places;
    for (; above > index + 1; --above) {
      const Stored& stored = stores_[word][above - 1];
      if (!comes_after(fiber, *past, stored.fiber, stored.number)) racing = std::max(racing, stored.turn);
    }
    // Before such a store it comes if it is executed before it; unless it can only be executed after another
    // one, which it replaces.
    if (racing == 0 || (op.kind == OpKind::update && stores_[word][index].turn > racing)) offered = places;
    return racing == 0 || op.kind == OpKind::update;
  });
  return std::max(offered, 1u);
}

std::uint32_t ModelC11::stored_behind(std::uint32_t fiber, const Op& op, std::uint32_t word,
                                      std::uint32_t option) const {
  std::uint32_t found = 0;
  std::uint32_t left = option;
  each_place(fiber, op, word, [&](std::uint32_t index) {
    found = index;
    return left-- != 0;
  });
  return found;
}

void ModelC11::barrier(std::uint32_t fiber, Order order) {
  Thread& thread = threads_[fiber];
  if (acquires(order)) thread.current.join(thread.to_acquire);
  if (order == Order::seq_cst) {
    thread.current.join(barriers_);
    barriers_ = thread.current;
  }
  if (releases(order)) thread.released = thread.current;
  if (order == Order::stores) {
    thread.released.join(thread.wrote);
    thread.released.stores[fiber] = thread.current.stores[fiber];
  }
  if (order == Order::loads) {
    thread.released.join(thread.to_acquire);
    thread.released.loads[fiber] = thread.current.loads[fiber];
  }
}

void ModelC11::put_into_page(std::uint32_t word, const Stored& stored) {
  const Word& about = space().words()[word];
  std::copy_n(stored.bytes.begin(), about.size, space().at(about.offset));
}

/// Puts a store before others of its word, and renumbers those in every frontier.
void ModelC11::insert(std::uint32_t word, std::uint32_t index, Stored stored) {
  auto& stores = stores_[word];
  stored.turn = static_cast<std::uint32_t>(stores.size());
  if (index < stores.size()) {
    const auto shift = [&](Frontier& frontier) {
      if (frontier.seen[word] >= index) ++frontier.seen[word];
    };
    for (Thread& thread : threads_) {
      for (Frontier* each :
           {&thread.current, &thread.to_acquire, &thread.wrote, &thread.released, &thread.read})
        shift(*each);
    }
    for (Frontier& event : events_) shift(event);
    shift(barriers_);
    shift(stored.message);
    for (auto& others : stores_) {
      for (Stored& each : others) shift(each.message);
    }
  }
  stores.insert(stores.begin() + index, stored);
  latest_[word] = index;
}

void ModelC11::before(std::uint32_t fiber, const Op& op, std::uint32_t option, std::uint32_t number) {
  Thread& thread = threads_[fiber];
  thread.current.loads[fiber] = thread.current.stores[fiber] = static_cast<std::uint16_t>(number);
  switch (op.kind) {
    case OpKind::fence:
      barrier(fiber, op.order);
      return;
    case OpKind::notify:
      events_[op.argument].join(thread.current);
      return;
    case OpKind::wait:
      thread.current.join(events_[op.argument]);
      thread.to_acquire.join(events_[op.argument]);
      return;
    case OpKind::await:
      // What was written becomes seen at last, or a loop that waits for it would never end.
      for (std::size_t i = 0; i < stores_.size(); ++i)
        thread.current.seen[i] = static_cast<std::uint16_t>(stores_[i].size() - 1);
      return;
    case OpKind::choose:
    case OpKind::flush:
      return;
    case OpKind::load:
    case OpKind::store:
    case OpKind::update:
      break;
  }
  const int first_word = space().word_at(op.offset);
  std::uint32_t first_index = 0;
  if (first_word >= 0) {
    const auto word = static_cast<std::uint32_t>(first_word);
    first_index =
        op.kind == OpKind::load ? loaded(fiber, op, word, option) : stored_behind(fiber, op, word, option);
    thread.behind = first_index;
    thread.has_failed =
        op.expected != nullptr && op.last - op.first == 1 && differs(op, word, stores_[word][first_index]);
  } else {
    thread.has_failed = false;
  }
  const Order order = thread.has_failed ? op.failure : op.order;
  if (order == Order::seq_cst) barrier(fiber, Order::seq_cst);
  for (std::uint32_t at = op.first; at < op.last; ++at) {
    const Location& place = space().location(at);
    if (place.word < 0) {
      check_payload(fiber, op, std::max(place.offset, op.offset),
                    std::min(place.offset + place.size, op.offset + op.size), number);
      continue;
    }
    const auto word = static_cast<std::uint32_t>(place.word);
    const auto newest = static_cast<std::uint32_t>(stores_[word].size() - 1);
    const std::uint32_t index = at == op.first ? first_index : newest;
    const Stored& stored = stores_[word][index];
    put_into_page(word, stored);
    if (!op.reads()) continue;
    thread.current.seen[word] = std::max(thread.current.seen[word], static_cast<std::uint16_t>(index));
    if (acquires(order)) thread.current.join(stored.message);
    thread.read = stored.message;
    // Its own store it may read before that is seen by others.
    if (stored.fiber != fiber) thread.to_acquire.join(stored.message);
  }
}

void ModelC11::check_payload(std::uint32_t fiber, const Op& op, std::uint32_t from, std::uint32_t to,
                             std::uint32_t number) {
  if (forgives_races()) return;
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
  if (!op.writes() || thread.has_failed) return;
  for (std::uint32_t at = op.first; at < op.last; ++at) {
    const Location& place = space().location(at);
    if (place.word < 0) continue;
    const auto word = static_cast<std::uint32_t>(place.word);
    const auto index = static_cast<std::uint16_t>(at == op.first ? thread.behind + 1 : stores_[word].size());
    Stored stored;
    std::copy_n(space().at(place.offset), place.size, stored.bytes.begin());
    stored.fiber = fiber;
    stored.number = number;
    stored.is_update = op.kind == OpKind::update || is_part(op, word);
    stored.is_seq_cst = op.order == Order::seq_cst;
    stored.message = releases(op.order) ? thread.current : thread.released;
    if (op.kind == OpKind::update) stored.message.join(thread.read);
    insert(word, index, stored);
    thread.current.seen[word] = index;
    Frontier& message = stores_[word][index].message;
    message.seen[word] = index;
    thread.wrote.join(message);
  }
}

void ModelC11::peek(std::uint32_t offset, std::uint32_t bytes, std::byte* to) const {
  for (std::uint32_t i = 0; i < bytes; ++i) {
    const int word = space().word_at(offset + i);
    to[i] = word < 0 ? *space().at(offset + i)
                     : stores_[static_cast<std::size_t>(word)]
                           .back()
                           .bytes[offset + i - space().words()[static_cast<std::size_t>(word)].offset];
  }
}

}  // namespace ringside::check
