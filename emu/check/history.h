// The operations of threads on a queue, a stack or a deque, and whether they could have been done one after
// the other, in an order that keeps each operation before those that began after its end (linearizability,
// Herlihy and Wing 1990). The search is that of Wing and Gong without states that were visited before (Lowe
// 2017).
//
// It is independent of executions: the caller says which operations had ended before one begins.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

#include "emu/check/op.h"

namespace ringside::check {

/// The order in which ring_check.h numbers them.
enum class OperationKind : std::uint8_t {
  push,
  pop,   ///< returns the newest
  take,  ///< returns the oldest
};

class History {
 public:
  static constexpr std::size_t operations_max = 64;
  /// The "thread" of operations before the threads begin and after they have ended: ordered with all others.
  static constexpr std::uint32_t alone = fibers_max;
  /// For each thread, how many of its operations had ended.
  using Ended = std::array<std::uint32_t, fibers_max>;

  /// Removes all but the first `count` operations.
  void clear_to(std::size_t count) {
    operations_.resize(count);
    ended_counts_ = {};
  }
  [[nodiscard]] std::size_t size() const { return operations_.size(); }

  /// Both return the error of the call, or "". `thread`: a fiber, or `alone`.
  [[nodiscard]] std::string begin(std::uint32_t thread, OperationKind kind, std::uint64_t value,
                                  const Ended& ended);
  [[nodiscard]] std::string end(std::uint32_t thread, int outcome, std::uint64_t value);
  /// "take() = 5": the operation that `thread` has begun or ended last.
  [[nodiscard]] std::string text_of_last(std::uint32_t thread) const;
  [[nodiscard]] static std::string text_of_begun(OperationKind kind, std::uint64_t value);

  /// One byte for each thread: how many operations it has ended. The model explores this memory.
  [[nodiscard]] std::uint8_t* ended_counts() { return ended_counts_.data(); }

  /// The error of the recorded operations, or "". `capacity`: 0 if it is unknown.
  [[nodiscard]] std::string judge(std::uint32_t capacity,
                                  const std::function<std::string(std::uint32_t thread)>& name_of);

 private:
  struct Operation {
    std::uint32_t thread = 0;
    OperationKind kind = OperationKind::push;
    bool is_open = true;
    int outcome = 0;
    std::uint64_t value = 0;
    std::uint64_t after = 0;  ///< a bit for each operation that had ended when it began
  };
  class Search;

  /// The index of its last operation; size() if it has none.
  [[nodiscard]] std::size_t last_of(std::uint32_t thread) const;
  [[nodiscard]] static std::string text_of(const Operation& operation);
  [[nodiscard]] std::string key() const;
  [[nodiscard]] std::string object_name() const;

  alignas(8) std::array<std::uint8_t, 8> ended_counts_ = {};
  std::vector<Operation> operations_;
  /// Histories that were found correct: most executions repeat one.
  std::unordered_set<std::string> right_;
};

}  // namespace ringside::check
