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

class RingState {
 public:
  void add_variables(std::span<std::byte> memory) { variables_.push_back({memory, {}}); }
  [[nodiscard]] const auto& variables() const { return variables_; }

  /// From now on this is what restore() comes back to.
  void take();
  void restore() const;

  struct Variables {
    std::span<std::byte> memory;
    std::vector<std::byte> saved;
  };

 private:
  std::vector<Variables> variables_;
  RingHeap::Snapshot heap_;
  std::array<std::vector<std::byte>, fibers_max> own_;
};

/// The thread-local variables of the ring's code, in the thread that runs it; each fiber's are put there when
/// it is its turn.
class OwnVariables {
 public:
  void set(std::span<std::byte> block);
  [[nodiscard]] Region place() const { return {block_.data(), static_cast<std::uint32_t>(block_.size())}; }
  void use(std::uint32_t fiber) {
    if (!block_.empty() && fiber != current_) change(fiber);
  }
  /// Fiber `to` begins with what `from` has.
  void copy(std::uint32_t from, std::uint32_t to);

  [[nodiscard]] std::array<std::vector<std::byte>, fibers_max> save();
  void restore(const std::array<std::vector<std::byte>, fibers_max>& saved);

 private:
  void change(std::uint32_t fiber);

  std::span<std::byte> block_;
  std::uint32_t current_ = 0;
  std::array<std::vector<std::byte>, fibers_max> of_;
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
