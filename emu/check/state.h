// The state of a ring outside the page, and its restoration: variables, allocated memory, and thread-local
// variables, of which each fiber has its own.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "emu/check/heap.h"
#include "emu/check/include/ringside/ring_check.h"
#include "emu/check/shared_memory.h"

namespace ringside::check {

/// The thread-local variables of each fiber, and of the code that runs before and after the fibers.
using OwnVariablesSaved = std::array<std::vector<std::byte>, fibers_max + 1>;

/// Bytes that are written or accessed.
struct MemoryRange {
  const std::byte* begin = nullptr;
  std::size_t bytes = 0;
};

class RingState {
 public:
  void add_variables(std::span<std::byte> memory) { variables_.push_back({memory, {}}); }
  [[nodiscard]] const auto& variables() const { return variables_; }

  /// Saves the present state for restore().
  void take();
  void restore() const;
  /// The first byte that differs from the saved state and is in none of the ranges, which are sorted; null:
  /// there is none. Thread-local variables are not compared: no other thread accesses them.
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

/// The thread-local variables of the ring's code, in the thread that runs it; the variables of a fiber are
/// copied there when it runs.
class OwnVariables {
 public:
  /// The number of the code that runs while no fiber runs.
  static constexpr std::uint32_t alone = fibers_max;

  void set(std::span<std::byte> block);
  [[nodiscard]] Region place() const { return {block_.data(), static_cast<std::uint32_t>(block_.size())}; }
  void use(std::uint32_t fiber) {
    if (!block_.empty() && fiber != current_) change(fiber);
  }
  /// Copies the variables of fiber `from` to fiber `to`.
  void copy(std::uint32_t from, std::uint32_t to);

  [[nodiscard]] OwnVariablesSaved save();
  void restore(const OwnVariablesSaved& saved);

 private:
  void change(std::uint32_t fiber);

  std::span<std::byte> block_;
  std::uint32_t current_ = 0;
  OwnVariablesSaved of_;
};

/// The only instance, because there is one thread.
[[nodiscard]] OwnVariables& own_variables();

/// The same table, with functions that mark that ring code runs (RingCode) and select the thread-local
/// variables. They call those of the ring that was last passed to use_ring().
[[nodiscard]] ring_check_ring guarded_table(const ring_check_ring& ring);
void use_ring(const ring_check_ring& ring);
/// Real threads call the functions: their variables are not separated.
void use_ring_in_threads(const ring_check_ring& ring);

}  // namespace ringside::check
