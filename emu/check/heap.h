// The memory that ring code allocates: an arena of its own, which is restored between executions, so that a
// repeated execution gets the same addresses. The program's malloc() calls is_active()
// (tools/ring_check/heap_calls.cc).
//
// It is active only while ring code runs; the checker's own memory is separate. Within an execution no memory
// is used twice: a block that one end frees and the other allocates would look like the same object.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace ringside::check {

class RingHeap {
 public:
  using Snapshot = std::vector<std::byte>;

  /// Zeroed memory, which must stay valid. Without memory the heap is never active.
  void give(std::span<std::byte> memory);

  [[nodiscard]] static bool is_active() { return active_; }
  /// Returns the previous value.
  static bool set_active(bool active) { return std::exchange(active_, active && has_memory_); }
  [[nodiscard]] bool owns(const void* address) const;
  [[nodiscard]] std::span<std::byte> memory() const { return memory_; }

  /// Null: no memory is left. `alignment`: a power of two.
  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment);
  /// Fills the block with a pattern that later reads find. `again`: it may be allocated again.
  void release(void* block, bool again);
  [[nodiscard]] std::size_t size_of(const void* block) const;
  /// The size of the arena's data before a block.
  static constexpr std::size_t block_head_bytes = 16;
  /// The memory of the blocks, without the arena's own data.
  [[nodiscard]] std::span<std::byte> blocks() const;
  /// How much of the memory was allocated, freed blocks included.
  [[nodiscard]] std::size_t used() const;

  [[nodiscard]] Snapshot save() const;
  void restore(const Snapshot& snapshot);

 private:
  struct Head;
  struct Block;
  [[nodiscard]] Head& head() const;

  std::span<std::byte> memory_;
  // Static, because there is one heap, and every malloc() calls is_active().
  static inline bool has_memory_ = false;
  static inline bool active_ = false;
};

/// The only heap, because there is only one malloc().
[[nodiscard]] RingHeap& ring_heap();

/// Ring code runs as long as this object exists.
class RingCode {
 public:
  RingCode() : before_(RingHeap::set_active(true)) {}
  ~RingCode() { RingHeap::set_active(before_); }
  RingCode(const RingCode&) = delete;
  RingCode& operator=(const RingCode&) = delete;

 private:
  bool before_;
};

/// Ring code has called the checker, which runs as long as this object exists.
class CheckerCode {
 public:
  CheckerCode() : before_(RingHeap::set_active(false)) {}
  ~CheckerCode() { RingHeap::set_active(before_); }
  CheckerCode(const CheckerCode&) = delete;
  CheckerCode& operator=(const CheckerCode&) = delete;

 private:
  bool before_;
};

}  // namespace ringside::check
