// Views: which stores a fiber may still read, which it has to have seen, and which steps happened before its
// next one.
#include "emu/check/model_c11.h"

#include <algorithm>

namespace ringside::check {

void ModelC11::Frontier::join(const Frontier& other) {
  for (std::size_t i = 0; i < seen.size(); ++i) seen[i] = std::max(seen[i], other.seen[i]);
  for (std::size_t i = 0; i < steps.size(); ++i) steps[i] = std::max(steps[i], other.steps[i]);
}

ModelC11::ModelC11(const Space& space)
    : Model(space), stores_(space.words().size()), touched_(space.bytes()) {}

void ModelC11::begin(std::uint32_t) {
  for (std::size_t i = 0; i < stores_.size(); ++i) {
    const Word& word = space().words()[i];
    Stored first;
    std::copy_n(space().at(word.offset), word.size, first.bytes.begin());
    stores_[i].clear();
    stores_[i].push_back(first);
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
  if (op.order != Order::seq_cst) return;
  op.also = space().fence_location();
  op.also_writes = true;
}

std::uint32_t ModelC11::options(std::uint32_t fiber, const Op& op, const Clock* past) const {
  if (op.kind != OpKind::load) return Model::options(fiber, op, past);
  const int word = space().word_at(op.offset);
  if (word < 0) return 1;
  const auto& stores = stores_[static_cast<std::size_t>(word)];
  const Stored& last = stores.back();
  // If the newest store may still come later than this load, then the order in which it does shows the value
  // before it.
  if (past != nullptr && last.fiber != fibers_max && last.fiber != fiber && (*past)[last.fiber] < last.number)
    return 1;
  const Thread& thread = threads_[fiber];
  std::uint32_t oldest = thread.current.seen[static_cast<std::size_t>(word)];
  // Such a load is a full barrier first.
  if (op.order == Order::seq_cst)
    oldest = std::max<std::uint32_t>(oldest, std::max(thread.to_acquire.seen[static_cast<std::size_t>(word)],
                                                      barriers_.seen[static_cast<std::size_t>(word)]));
  return static_cast<std::uint32_t>(stores.size()) - oldest;
}

void ModelC11::barrier(Thread& thread, Order order) {
  if (acquires(order)) thread.current.join(thread.to_acquire);
  if (order == Order::seq_cst) {
    thread.current.join(barriers_);
    barriers_ = thread.current;
  }
  if (releases(order)) thread.released = thread.current;
}

void ModelC11::put_into_page(std::uint32_t word, const Stored& stored) {
  const Word& about = space().words()[word];
  std::copy_n(stored.bytes.begin(), about.size, space().at(about.offset));
}

bool ModelC11::may_come_earlier(const Thread& thread, const Op& op, std::uint32_t word) const {
  for (std::size_t at = thread.current.seen[word] + 1u; at < stores_[word].size(); ++at) {
    const Stored& other = stores_[word][at];
    const bool both_update = other.is_update && op.kind == OpKind::update;
    const bool both_seq_cst = other.is_seq_cst && op.order == Order::seq_cst;
    if (!both_update && !both_seq_cst) return true;
  }
  return false;
}

void ModelC11::before(std::uint32_t fiber, const Op& op, std::uint32_t option, std::uint32_t number) {
  Thread& thread = threads_[fiber];
  thread.current.steps[fiber] = static_cast<std::uint16_t>(number);
  switch (op.kind) {
    case OpKind::fence:
      barrier(thread, op.order);
      return;
    case OpKind::notify:
      events_[op.argument].join(thread.current);
      return;
    case OpKind::wait:
      thread.current.join(events_[op.argument]);
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
  if (op.order == Order::seq_cst) barrier(thread, Order::seq_cst);
  for (std::uint32_t at = op.first; at < op.last; ++at) {
    const Location& place = space().location(at);
    if (place.word < 0) {
      check_payload(fiber, op, std::max(place.offset, op.offset),
                    std::min(place.offset + place.size, op.offset + op.size), number);
      continue;
    }
    const auto word = static_cast<std::uint32_t>(place.word);
    const auto last = static_cast<std::uint32_t>(stores_[word].size() - 1);
    const std::uint32_t index = last - (at == op.first ? option : 0);
    const Stored& stored = stores_[word][index];
    if (op.writes() && may_come_earlier(thread, op, word)) found_unordered(word);
    put_into_page(word, stored);
    if (!op.reads()) continue;
    thread.current.seen[word] = std::max(thread.current.seen[word], static_cast<std::uint16_t>(index));
    if (acquires(op.order)) thread.current.join(stored.message);
    thread.to_acquire.join(stored.message);
    thread.read = stored.message;
  }
}

void ModelC11::check_payload(std::uint32_t fiber, const Op& op, std::uint32_t from, std::uint32_t to,
                             std::uint32_t number) {
  if (forgives_races()) return;
  const auto& steps = threads_[fiber].current.steps;
  for (std::uint32_t offset = from; offset < to; ++offset) {
    Touched& touched = touched_[offset];
    if (touched.write_number != 0 && touched.writer != fiber && steps[touched.writer] < touched.write_number)
      found({offset, touched.writer, touched.write_number, true});
    if (op.writes()) {
      for (std::uint32_t other = 0; other < fibers_max; ++other) {
        if (other != fiber && steps[other] < touched.read_numbers[other])
          found({offset, other, touched.read_numbers[other], false});
      }
      touched.write_number = static_cast<std::uint16_t>(number);
      touched.writer = static_cast<std::uint8_t>(fiber);
    }
    if (op.reads()) touched.read_numbers[fiber] = static_cast<std::uint16_t>(number);
    touched_list_.push_back(offset);
  }
}

void ModelC11::after(std::uint32_t fiber, const Op& op, std::uint32_t number) {
  if (op.kind != OpKind::store && op.kind != OpKind::update) return;
  Thread& thread = threads_[fiber];
  for (std::uint32_t at = op.first; at < op.last; ++at) {
    const Location& place = space().location(at);
    if (place.word < 0) continue;
    const auto word = static_cast<std::size_t>(place.word);
    const auto index = static_cast<std::uint16_t>(stores_[word].size());
    thread.current.seen[word] = index;
    Stored stored;
    std::copy_n(space().at(place.offset), place.size, stored.bytes.begin());
    stored.fiber = fiber;
    stored.number = number;
    stored.is_update = op.kind == OpKind::update;
    stored.is_seq_cst = op.order == Order::seq_cst;
    stored.message = releases(op.order) ? thread.current : thread.released;
    stored.message.seen[word] = index;
    if (op.kind == OpKind::update) stored.message.join(thread.read);
    stores_[word].push_back(stored);
  }
}

void ModelC11::peek(std::uint32_t offset, std::uint32_t bytes, std::byte* to) const {
  for (std::uint32_t i = 0; i < bytes; ++i) {
    const int word = space().word_at(offset + i);
    to[i] = word < 0 ? *space().at(offset + i)
                     : newest(static_cast<std::uint32_t>(word))
                           .bytes[offset + i - space().words()[static_cast<std::size_t>(word)].offset];
  }
}

}  // namespace ringside::check
