// Words: from which store a load may read and behind which one a store may come, without a cycle.
#include "emu/check/model_armv8.h"

#include <algorithm>

namespace ringside::check {

namespace {

/// A step of `fiber` that knows `past` comes after that step anyway.
bool is_past(std::uint32_t fiber, const Clock& past, std::uint32_t other, std::uint32_t number) {
  return other == fibers_max || other == fiber || past[other] >= number;
}

/// LDAR and LDAXR; an acquiring load alone is an LDAPR.
bool is_rcsc_load(OpKind kind, Order order) {
  return kind == OpKind::update ? acquires(order) : order == Order::seq_cst;
}

}  // namespace

ModelArmv8::ModelArmv8(const Space& space)
    : Model(space),
      words_(space.words().size()),
      latest_(words_.size()),
      touched_(space.bytes()),
      written_by_(words_.size()),
      accessed_by_(words_.size()) {}

void ModelArmv8::begin(std::uint32_t) {
  graph_.clear();
  for (std::size_t i = 0; i < words_.size(); ++i) {
    const Word& word = space().words()[i];
    Stored first;
    std::copy_n(space().at(word.offset), word.size, first.bytes.begin());
    words_[i].clear();
    words_[i].push_back(std::move(first));
    latest_[i] = 0;
  }
  for (Thread& thread : threads_) thread = {};
  for (auto& nodes : notified_) nodes.clear();
  for (const std::uint32_t offset : touched_list_) touched_[offset] = {};
  touched_list_.clear();
  no_race();
}

/// What another thread has stored comes before the load that finds it; and what an update has stored, before
/// an acquiring load of its own thread.
void ModelArmv8::collect_source(std::uint32_t fiber, std::uint32_t word, std::uint32_t index, bool acquires,
                                Set& before) const {
  const Stored& source = words_[word][index];
  if (source.by.fiber != fiber || (source.is_update && acquires)) graph_.collect(source.by.node, before);
}

/// The stores of other threads up to that one, and their loads of what is overwritten.
void ModelArmv8::collect_overwritten(std::uint32_t fiber, std::uint32_t word, std::uint32_t index,
                                     Set& before) const {
  for (std::uint32_t i = 0; i <= index; ++i) {
    const Stored& each = words_[word][i];
    if (each.by.fiber != fiber) graph_.collect(each.by.node, before);
    for (const Access& reader : each.readers) {
      if (reader.fiber != fiber) graph_.collect(reader.node, before);
    }
  }
}

/// An access that comes after `before`, and before the stores of other threads behind that one.
bool ModelArmv8::fits_behind(std::uint32_t fiber, std::uint32_t word, std::uint32_t index,
                             const Set& before) const {
  const auto& stores = words_[word];
  return std::none_of(stores.begin() + index + 1, stores.end(),
                      [&](const Stored& each) { return each.by.fiber != fiber && before.has(each.by.node); });
}

bool ModelArmv8::may_load(std::uint32_t fiber, OpKind kind, Order order, std::uint32_t word,
                          std::uint32_t index, Set& before) const {
  const Thread& thread = threads_[fiber];
  if (index < thread.seen[word]) return false;
  collect_for_load(thread, is_rcsc_load(kind, order), before);
  collect_source(fiber, word, index, acquires(order), before);
  return fits_behind(fiber, word, index, before);
}

bool ModelArmv8::may_store(std::uint32_t fiber, const Op& op, std::uint32_t word, std::uint32_t index) const {
  if (index < threads_[fiber].seen[word]) return false;
  const auto& stores = words_[word];
  if (index + 1 < stores.size() && stores[index + 1].is_tied) return false;
  scratch_.clear();
  if (op.kind == OpKind::update && !may_load(fiber, op.kind, op.order, word, index, scratch_)) return false;
  collect_for_store(threads_[fiber], releases(op.order), scratch_);
  collect_overwritten(fiber, word, index, scratch_);
  return fits_behind(fiber, word, index, scratch_);
}

bool ModelArmv8::differs(const Op& op, std::uint32_t word, const Stored& stored) const {
  const std::byte* found = stored.bytes.data() + (op.offset - space().words()[word].offset);
  return !std::equal(op.expected, op.expected + op.size, found);
}

bool ModelArmv8::is_part(const Op& op, std::uint32_t word) const {
  const Word& whole = space().words()[word];
  return op.offset != whole.offset || op.size != whole.size;
}

/// Calls each(index) for each store that the load may find: first the one that was executed last, then from
/// the newest; until it says false.
template <class Each>
void ModelArmv8::each_source(std::uint32_t fiber, const Op& op, std::uint32_t word, Each each) const {
  const std::uint32_t latest = latest_[word];
  const auto fits = [&](std::uint32_t index) {
    scratch_.clear();
    return may_load(fiber, op.kind, op.order, word, index, scratch_);
  };
  if (fits(latest) && !each(latest)) return;
  for (auto index = static_cast<std::uint32_t>(words_[word].size()); index-- > threads_[fiber].seen[word];) {
    if (index != latest && fits(index) && !each(index)) return;
  }
}

/// Calls each(index) for each store behind which that of `op` may come, or which `op` may find and then store
/// nothing, from the newest; until it says false.
template <class Each>
void ModelArmv8::each_place(std::uint32_t fiber, const Op& op, std::uint32_t word, Each each) const {
  const auto newest = static_cast<std::uint32_t>(words_[word].size() - 1);
  // There is no such order of stores to parts: each stays where it was executed.
  const std::uint32_t oldest = is_part(op, word) ? newest : threads_[fiber].seen[word];
  for (std::uint32_t index = newest + 1; index-- > oldest;) {
    const bool fails = op.expected != nullptr && differs(op, word, words_[word][index]);
    bool fits = false;
    if (fails) {
      scratch_.clear();
      fits = may_load(fiber, OpKind::load, op.failure, word, index, scratch_);
    } else {
      fits = may_store(fiber, op, word, index);
    }
    if (fits && !each(index)) return;
  }
}

std::uint32_t ModelArmv8::options(std::uint32_t fiber, const Op& op, const Clock* past) const {
  if (!op.reads() && !op.writes()) return Model::options(fiber, op, past);
  const int at = space().word_at(op.offset);
  if (at < 0) return 1;
  const auto word = static_cast<std::uint32_t>(at);
  const auto& stores = words_[word];
  std::uint32_t count = 0;
  if (op.kind == OpKind::load) {
    const Stored& latest = stores[latest_[word]];
    // If the latest store may as well be executed later than this load, then the order in which it is shows
    // what was there before it.
    if (past != nullptr && !is_past(fiber, *past, latest.by.fiber, latest.number)) return 1;
    each_source(fiber, op, word, [&](std::uint32_t) { return ++count < options_max; });
    return std::max(count, 1u);
  }
  std::uint32_t offered = 0;
  std::uint32_t racing = 0;  // the last turn of those above that may as well be executed later
  std::uint32_t above = past == nullptr ? 0 : static_cast<std::uint32_t>(stores.size());
  each_place(fiber, op, word, [&](std::uint32_t index) {
    ++count;
    for (; above > index + 1; --above) {
      const Stored& stored = stores[above - 1];
      if (!is_past(fiber, *past, stored.by.fiber, stored.number)) racing = std::max(racing, stored.turn);
    }
    // Before such a store it comes if it is executed before it; unless it can only be executed after another
    // one, which it replaces.
    if (racing == 0 || (op.kind == OpKind::update && stores[index].turn > racing)) offered = count;
    return (racing == 0 || op.kind == OpKind::update) && count < options_max;
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
      // What was written becomes seen at last, or a loop that waits for it would never end.
      for (std::size_t i = 0; i < words_.size(); ++i)
        thread.seen[i] = static_cast<std::uint16_t>(words_[i].size() - 1);
      return;
    case OpKind::choose:
    case OpKind::flush:
      return;
    case OpKind::load:
    case OpKind::store:
    case OpKind::update:
      break;
  }
  thread.has_failed = false;
  thread.load = none;
  for (std::uint32_t at = op.first; at < op.last; ++at) {
    const Location& place = space().location(at);
    if (place.word < 0) {
      check_payload(fiber, op, std::max(place.offset, op.offset),
                    std::min(place.offset + place.size, op.offset + op.size), number);
      continue;
    }
    const auto word = static_cast<std::uint32_t>(place.word);
    auto index = static_cast<std::uint32_t>(words_[word].size() - 1);
    if (at == op.first) {
      std::uint32_t left = option;
      const auto take = [&](std::uint32_t each) {
        index = each;
        return left-- != 0;
      };
      if (op.kind == OpKind::load) {
        each_source(fiber, op, word, take);
      } else {
        each_place(fiber, op, word, take);
      }
      thread.behind = index;
      thread.has_failed =
          op.expected != nullptr && op.last - op.first == 1 && differs(op, word, words_[word][index]);
    }
    const Word& about = space().words()[word];
    std::copy_n(words_[word][index].bytes.begin(), about.size, space().at(about.offset));
    if (op.reads()) thread.load = load_word(fiber, op, word, index, number);
  }
}

void ModelArmv8::after(std::uint32_t fiber, const Op& op, std::uint32_t number) {
  const Thread& thread = threads_[fiber];
  if (!op.writes() || thread.has_failed) return;
  for (std::uint32_t at = op.first; at < op.last; ++at) {
    const Location& place = space().location(at);
    if (place.word < 0) continue;
    const auto word = static_cast<std::uint32_t>(place.word);
    const auto newest = static_cast<std::uint32_t>(words_[word].size() - 1);
    store_word(fiber, op, word, at == op.first ? thread.behind : newest, number);
  }
}

ModelArmv8::Node ModelArmv8::load_word(std::uint32_t fiber, const Op& op, std::uint32_t word,
                                       std::uint32_t index, std::uint32_t number) {
  Thread& thread = threads_[fiber];
  const OpKind kind = thread.has_failed ? OpKind::load : op.kind;
  const Order order = thread.has_failed ? op.failure : op.order;
  scratch_.clear();
  collect_for_load(thread, is_rcsc_load(kind, order), scratch_);
  collect_source(fiber, word, index, acquires(order), scratch_);
  const Node node = add(fiber, scratch_, number);
  auto& stores = words_[word];
  for (std::size_t i = index + 1; i < stores.size(); ++i) {
    if (stores[i].by.fiber != fiber) graph_.order(node, stores[i].by.node);
  }
  stores[index].readers.push_back({node, fiber});
  thread.seen[word] = std::max(thread.seen[word], static_cast<std::uint16_t>(index));
  accessed_by_[word] |= static_cast<std::uint8_t>(bit(fiber));
  loaded(fiber, node, acquires(order));
  if (thread.all != node) thread.loads.push_back({node, word, op.code});
  return node;
}

void ModelArmv8::store_word(std::uint32_t fiber, const Op& op, std::uint32_t word, std::uint32_t index,
                            std::uint32_t number) {
  Thread& thread = threads_[fiber];
  scratch_.clear();
  collect_for_store(thread, releases(op.order), scratch_);
  collect_overwritten(fiber, word, index, scratch_);
  if (op.kind == OpKind::update) graph_.collect(thread.load, scratch_);
  const Node node = add(fiber, scratch_, number);
  auto& stores = words_[word];
  for (std::size_t i = index + 1; i < stores.size(); ++i) {
    if (stores[i].by.fiber != fiber) graph_.order(node, stores[i].by.node);
  }
  Stored now;
  const Word& about = space().words()[word];
  std::copy_n(space().at(about.offset), about.size, now.bytes.begin());
  now.by = {node, fiber};
  now.number = number;
  now.turn = static_cast<std::uint32_t>(stores.size());
  now.is_update = op.kind == OpKind::update;
  now.is_tied = now.is_update || is_part(op, word);
  for (Thread& each : threads_) {
    if (each.seen[word] > index) ++each.seen[word];
  }
  stores.insert(stores.begin() + index + 1, std::move(now));
  latest_[word] = index + 1;
  thread.seen[word] = static_cast<std::uint16_t>(index + 1);
  accessed_by_[word] |= static_cast<std::uint8_t>(bit(fiber));
  written_by_[word] |= static_cast<std::uint8_t>(bit(fiber));
  note_buffering(fiber, op, word, node);
  stored(fiber, node, releases(op.order));
}

void ModelArmv8::peek(std::uint32_t offset, std::uint32_t bytes, std::byte* to) const {
  for (std::uint32_t i = 0; i < bytes; ++i) {
    const int word = space().word_at(offset + i);
    to[i] = word < 0 ? *space().at(offset + i)
                     : words_[static_cast<std::size_t>(word)]
                           .back()
                           .bytes[offset + i - space().words()[static_cast<std::size_t>(word)].offset];
  }
}

}  // namespace ringside::check
