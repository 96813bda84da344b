// Saved and restored bytes, and a table that wraps a ring's own.
#include "emu/check/state.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "emu/check/execution.h"

namespace ringside::check {

void RingState::take() {
  for (Variables& each : variables_) each.saved.assign(each.memory.begin(), each.memory.end());
  heap_ = ring_heap().save();
  own_ = own_variables().save();
}

void RingState::restore() const {
  for (const Variables& each : variables_)
    std::memcpy(each.memory.data(), each.saved.data(), each.saved.size());
  ring_heap().restore(heap_);
  own_variables().restore(own_);
}

namespace {

/// The first byte of [now, now + bytes) that differs from `before` (null: from zero), outside of the ranges.
const std::byte* first_change(const std::byte* now, std::size_t bytes, const std::byte* before,
                              std::span<const MemoryRange> written) {
  const std::byte* const end = now + bytes;
  const std::byte* at = now;
  const auto compare_to = [&](const std::byte* to) -> const std::byte* {
    for (; at < to; ++at) {
      if (*at != (before == nullptr ? std::byte{} : before[at - now])) return at;
    }
    return nullptr;
  };
  for (const MemoryRange& range : written) {
    if (range.begin + range.bytes <= at) continue;
    if (range.begin >= end) break;
    if (const std::byte* changed = compare_to(range.begin); changed != nullptr) return changed;
    at = std::max(at, range.begin + range.bytes);
  }
  return compare_to(end);
}

}  // namespace

const std::byte* RingState::changed_apart_from(std::span<const MemoryRange> written) const {
  for (const Variables& each : variables_) {
    if (std::memcmp(each.memory.data(), each.saved.data(), each.saved.size()) == 0) continue;
    const std::byte* changed =
        first_change(each.memory.data(), each.saved.size(), each.saved.data(), written);
    if (changed != nullptr) return changed;
  }
  if (heap_.empty()) return nullptr;
  const auto kept = ring_heap().blocks();
  const std::size_t head = ring_heap().memory().size() - kept.size();
  const std::size_t used = ring_heap().used() - head;
  const std::size_t saved = heap_.size() - head;
  const std::byte* changed = first_change(kept.data(), std::min(used, saved), heap_.data() + head, written);
  if (changed == nullptr && used > saved)
    changed = first_change(kept.data() + saved, used - saved, nullptr, written);
  return changed;
}

void OwnVariables::set(std::span<std::byte> block) {
  block_ = block;
  current_ = 0;
  for (auto& each : of_) each.assign(block.begin(), block.end());
}

void OwnVariables::change(std::uint32_t fiber) {
  std::copy(block_.begin(), block_.end(), of_[current_].begin());
  current_ = fiber;
  std::copy(of_[current_].begin(), of_[current_].end(), block_.begin());
}

void OwnVariables::copy(std::uint32_t from, std::uint32_t to) {
  if (block_.empty()) return;
  use(from);
  of_[to].assign(block_.begin(), block_.end());
}

OwnVariablesSaved OwnVariables::save() {
  std::copy(block_.begin(), block_.end(), of_[current_].begin());
  return of_;
}

void OwnVariables::restore(const OwnVariablesSaved& saved) {
  if (block_.empty()) return;
  of_ = saved;
  std::copy(of_[current_].begin(), of_[current_].end(), block_.begin());
}

OwnVariables& own_variables() {
  static OwnVariables variables;
  return variables;
}

namespace {

const ring_check_ring* real_ring = nullptr;
bool is_guarded = false;

/// In an execution, the running fiber calls; otherwise one thread acts as both ends.
class Call {
 public:
  explicit Call(int side) {
    if (!is_guarded) return;
    const Execution* execution = Execution::current();
    own_variables().use(execution != nullptr ? execution->fiber() : static_cast<std::uint32_t>(side));
    code_.emplace();
  }

 private:
  std::optional<RingCode> code_;
};

class Attaching {
 public:
  Attaching() : execution_(Execution::current()) {
    if (execution_ != nullptr) execution_->set_attaching(true);
  }
  ~Attaching() {
    if (execution_ != nullptr) execution_->set_attaching(false);
  }
  Attaching(const Attaching&) = delete;
  Attaching& operator=(const Attaching&) = delete;

 private:
  Execution* execution_;
};

void init(void* page, std::uint32_t start) {
  const Call call(RING_CHECK_FRONT);
  real_ring->init(page, start);
}
int front_attach(void* page, std::uint32_t start) {
  const Call call(RING_CHECK_FRONT);
  const Attaching attaching;
  return real_ring->front_attach(page, start);
}
int back_attach(void* page, std::uint32_t start) {
  const Call call(RING_CHECK_BACK);
  const Attaching attaching;
  return real_ring->back_attach(page, start);
}
int push_req(const ring_check_item* item) {
  const Call call(RING_CHECK_FRONT);
  return real_ring->push_req(item);
}
int pop_req(ring_check_item* item) {
  const Call call(RING_CHECK_BACK);
  return real_ring->pop_req(item);
}
int push_rsp(const ring_check_item* item) {
  const Call call(RING_CHECK_BACK);
  return real_ring->push_rsp(item);
}
int pop_rsp(ring_check_item* item) {
  const Call call(RING_CHECK_FRONT);
  return real_ring->pop_rsp(item);
}
void front_publish() {
  const Call call(RING_CHECK_FRONT);
  real_ring->front_publish();
}
void back_publish() {
  const Call call(RING_CHECK_BACK);
  real_ring->back_publish();
}
int front_final_check() {
  const Call call(RING_CHECK_FRONT);
  return real_ring->front_final_check();
}
int back_final_check() {
  const Call call(RING_CHECK_BACK);
  return real_ring->back_final_check();
}
void front_woken() {
  const Call call(RING_CHECK_FRONT);
  real_ring->front_woken();
}
void back_woken() {
  const Call call(RING_CHECK_BACK);
  real_ring->back_woken();
}
void detach(int side) {
  const Call call(side);
  const Attaching attaching;
  real_ring->detach(side);
}

template <class Function>
void guard(Function*& in_table, Function* guarded) {
  if (in_table != nullptr) in_table = guarded;
}

}  // namespace

ring_check_ring guarded_table(const ring_check_ring& ring) {
  ring_check_ring table = ring;
  guard(table.init, init);
  guard(table.front_attach, front_attach);
  guard(table.back_attach, back_attach);
  guard(table.push_req, push_req);
  guard(table.pop_req, pop_req);
  guard(table.push_rsp, push_rsp);
  guard(table.pop_rsp, pop_rsp);
  guard(table.front_publish, front_publish);
  guard(table.back_publish, back_publish);
  guard(table.front_final_check, front_final_check);
  guard(table.back_final_check, back_final_check);
  guard(table.front_woken, front_woken);
  guard(table.back_woken, back_woken);
  guard(table.detach, detach);
  return table;
}

void use_ring(const ring_check_ring& ring) {
  real_ring = &ring;
  is_guarded = true;
}

void use_ring_in_threads(const ring_check_ring& ring) {
  real_ring = &ring;
  is_guarded = false;
}

}  // namespace ringside::check
