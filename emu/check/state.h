// What a ring keeps beside the page, and how it is put back: its variables, what it has allocated, and its
// thread-local variables, of which each fiber has its own.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "emu/check/elsewhere.h"
#include "emu/check/heap.h"
#include "emu/check/include/ringside/ring_check.h"

namespace ringside::check {

/// The thread-local variables of each fiber, and of what runs before and after them.
using OwnVariablesSaved = std::array<std::vector<std::byte>, fibers_max + 1>;

/// Bytes that somebody writes, or touches.
struct MemoryRange {
  const std::byte* begin = nullptr;
  std::size_t bytes = 0;
};

class RingState {
 public:
  void add_variables(std::span<std::byte> memory) { variables_.push_back({memory, {}}); }
  [[nodiscard]] const auto& variables() const { return variables_; }

  /// From now on this is what restore() comes back to.
  void take();
  void restore() const;
  /// The first byte that is not as restore() would make it and lies in none of the ranges, which are sorted;
  /// null: there is none. Thread-local variables are not looked at: no other thread has them.
  [[nodiscard]] const std::byte* changed_apart_from(std::span<const MemoryRange> written) const;

  struct Variables {
    std::span<std::byte> memory;
    std::vector<std::byte> saved;
  };

 private:
  std::vector<Variables> variables_;
  RingHeap::Snapshot heap_;
  OwnVariablesSaved own_;
};

/// The thread-local variables of the ring's code, in the thread that runs it; each fiber's are put there when
/// it is its turn.
class OwnVariables {
 public:
  /// Runs while no fiber does.
  static constexpr std::uint32_t alone = fibers_max;

  void set(std::span<std::byte> block);
  [[nodiscard]] Region place() const { return {block_.data(), static_cast<std::uint32_t>(block_.size())}; }
  void use(std::uint32_t fiber) {
    if (!block_.empty() && fiber != current_) change(fiber);
  }
  /// Fiber `to` begins with what `from` has.
  void copy(std::uint32_t from, std::uint32_t to);

  [[nodiscard]] OwnVariablesSaved save();
  void restore(const OwnVariablesSaved& saved);

 private:
  void change(std::uint32_t fiber);

  std::span<std::byte> block_;
  std::uint32_t current_ = 0;
  OwnVariablesSaved of_;
};

/// There is one, since there is one thread.
[[nodiscard]] OwnVariables& own_variables();

/// The same table, whose functions say that ring code runs (RingCode) and with whose thread-local variables.
/// They call those of the ring that use_ring() was last given.
[[nodiscard]] ring_check_ring guarded_table(const ring_check_ring& ring);
void use_ring(const ring_check_ring& ring);
/// Real threads call the functions: nothing is kept apart for them.
void use_ring_in_threads(const ring_check_ring& ring);

}  // namespace ringside::check
