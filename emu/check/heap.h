// The memory that ring code allocates: an arena of its own, so that it can be put back between executions,
// and so that a repeated execution gets the same addresses. The program's malloc() calls is_active()
// (tools/ring_check/heap_calls.cc).
//
// Active only while ring code itself runs; the checker's own memory is another matter. Within an execution
// nothing is used twice: what an end frees and the other one allocates would look like the same thing.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace ringside::check {

class RingHeap {
 public:
  using Snapshot = std::vector<std::byte>;

  /// Zeroed memory, which stays. Without any, it is never active.
  void give(std::span<std::byte> memory);

  [[nodiscard]] static bool is_active() { return active_; }
  /// Answers what it was.
  static bool set_active(bool active) { return std::exchange(active_, active && has_memory_); }
  [[nodiscard]] bool owns(const void* address) const;
  [[nodiscard]] std::span<std::byte> memory() const { return memory_; }

  /// Null: none is left. `alignment`: a power of two.
  [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment);
  /// Fills it, so that who still reads it sees that. `again`: it may be allocated again.
  void release(void* block, bool again);
  [[nodiscard]] std::size_t size_of(const void* block) const;
  /// What the arena itself keeps in front of a block.
  static constexpr std::size_t block_head_bytes = 16;
  /// Where blocks lie: the memory without what the arena keeps of all of them.
  [[nodiscard]] std::span<std::byte> blocks() const;
  /// How much of the memory was allocated, with what was freed since.
  [[nodiscard]] std::size_t used() const;

  [[nodiscard]] Snapshot save() const;
  void restore(const Snapshot& snapshot);

 private:
  struct Head;
  struct Block;
  [[nodiscard]] Head& head() const;

  std::span<std::byte> memory_;
  // There is one heap, and who asks is in a hurry.
  static inline bool has_memory_ = false;
  static inline bool active_ = false;
};

/// There is one, since there is one malloc().
[[nodiscard]] RingHeap& ring_heap();

/// Ring code runs as long as it lives.
class RingCode {
 public:
  RingCode() : before_(RingHeap::set_active(true)) {}
  ~RingCode() { RingHeap::set_active(before_); }
  RingCode(const RingCode&) = delete;
  RingCode& operator=(const RingCode&) = delete;

 private:
  bool before_;
};

/// Ring code has called the checker, which runs as long as it lives.
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
