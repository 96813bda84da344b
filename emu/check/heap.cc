// Blocks in sequence, each with its size before it; free blocks are in lists by size. All data of the arena
// are in its memory, so that restoring the bytes restores the arena.
#include "emu/check/heap.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "emu/base/check.h"

namespace ringside::check {

namespace {

constexpr std::size_t unit = RingHeap::block_head_bytes;
constexpr int freed = 0xdd;

}  // namespace

struct RingHeap::Block {
  std::size_t bytes = 0;
  Block* next = nullptr;  ///< while it is free
};

struct RingHeap::Head {
  std::size_t used = 0;
  std::array<Block*, 48> free = {};  ///< by the power of two of their size
};

void RingHeap::give(std::span<std::byte> memory) {
  static_assert(sizeof(Block) == unit);
  RS_CHECK(memory.size() > sizeof(Head));
  memory_ = memory;
  has_memory_ = !memory.empty();
  new (memory_.data()) Head{(sizeof(Head) + unit - 1) / unit * unit, {}};
}

RingHeap::Head& RingHeap::head() const {
  return *reinterpret_cast<Head*>(memory_.data());
}

bool RingHeap::owns(const void* address) const {
  return static_cast<std::size_t>(static_cast<const std::byte*>(address) - memory_.data()) < memory_.size();
}

void* RingHeap::allocate(std::size_t bytes, std::size_t alignment) {
  if (bytes > memory_.size() || alignment > memory_.size()) return nullptr;
  const std::size_t size = std::bit_ceil(std::max(bytes, unit));
  Block*& first = head().free[static_cast<std::size_t>(std::countr_zero(size))];
  if (first != nullptr && alignment <= unit) {
    Block* block = first;
    first = block->next;
    return block + 1;
  }
  const auto start = reinterpret_cast<std::uintptr_t>(memory_.data());
  const std::uintptr_t to = std::max(alignment, unit);
  const std::uintptr_t at = (start + head().used + sizeof(Block) + to - 1) / to * to;
  if (at + size > start + memory_.size()) return nullptr;
  head().used = at + size - start;
  auto* block = reinterpret_cast<Block*>(at) - 1;
  *block = {size, nullptr};
  return block + 1;
}

void RingHeap::release(void* address, bool again) {
  auto* block = static_cast<Block*>(address) - 1;
  std::memset(address, freed, block->bytes);
  if (!again) return;
  Block*& first = head().free[static_cast<std::size_t>(std::countr_zero(block->bytes))];
  block->next = first;
  first = block;
}

std::size_t RingHeap::size_of(const void* block) const {
  return (static_cast<const Block*>(block) - 1)->bytes;
}

std::span<std::byte> RingHeap::blocks() const {
  return memory_.subspan((sizeof(Head) + unit - 1) / unit * unit);
}

std::size_t RingHeap::used() const {
  return head().used;
}

RingHeap::Snapshot RingHeap::save() const {
  if (memory_.empty()) return {};
  return {memory_.begin(), memory_.begin() + static_cast<std::ptrdiff_t>(head().used)};
}

void RingHeap::restore(const Snapshot& snapshot) {
  if (snapshot.empty()) return;
  const std::size_t used = head().used;
  std::copy(snapshot.begin(), snapshot.end(), memory_.begin());
  if (used > snapshot.size()) std::memset(memory_.data() + snapshot.size(), 0, used - snapshot.size());
}

RingHeap& ring_heap() {
  static RingHeap heap;
  return heap;
}

}  // namespace ringside::check
