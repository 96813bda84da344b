// The bytes as the last access left them, and the ranges of announced stores.
#include "emu/check/ledger.h"

#include <algorithm>

namespace ringside::check {

namespace {

struct Extent {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
};

/// The bytes that a model sets for an access: whole words, even if the access is to a part of one.
Extent extent_of(const Space& space, const Op& op) {
  if (!op.reads() && !op.writes()) return {};
  if (op.first == op.last) return {op.offset, op.offset + op.size};
  const Location& last = space.location(op.last - 1u);
  return {space.location(op.first).offset, last.offset + last.size};
}

}  // namespace

void Ledger::begin(const Space& space) {
  written_.clear();
  changed_ = nullptr;
  left_.resize(space.bytes());
  for (std::uint32_t i = 0; i < space.bytes(); ++i) left_[i] = *space.at(i);
}

void Ledger::left(const Space& space, const Op& op) {
  const Extent extent = extent_of(space, op);
  for (std::uint32_t i = extent.from; i < extent.to; ++i) left_[i] = *space.at(i);
}

bool Ledger::compare(const Space& space, std::uint32_t from, std::uint32_t to) {
  for (std::uint32_t i = from; i < to; ++i) {
    if (*space.at(i) == left_[i]) continue;
    changed_ = space.at(i);
    return false;
  }
  return true;
}

bool Ledger::is_as_left(const Space& space, const Op& op) {
  const Extent extent = extent_of(space, op);
  return compare(space, extent.from, extent.to);
}

bool Ledger::is_all_as_left(const Space& space, const RingState& state) {
  if (!compare(space, 0, space.bytes())) return false;
  std::sort(written_.begin(), written_.end(),
            [](const MemoryRange& a, const MemoryRange& b) { return a.begin < b.begin; });
  changed_ = state.changed_apart_from(written_);
  return changed_ == nullptr;
}

}  // namespace ringside::check
