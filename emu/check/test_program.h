// One test of a plug-in (ring_check_test): threads that share any memory, each on a fiber, and a condition
// that must hold when all have ended. There is no page: the search finds all shared memory (shared_memory.h).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "emu/check/execution.h"
#include "emu/check/history.h"
#include "emu/check/include/ringside/ring_check.h"
#include "emu/check/state.h"

namespace ringside::check {

static_assert(RING_CHECK_THREADS_MAX == fibers_max);

/// The error of a plug-in's tests; empty: none.
[[nodiscard]] std::string fault_of_tests(const ring_check_tests* tests);

class TestProgram final : public Program {
 public:
  /// The name of the plug-in's function at an address, or "".
  using NameOf = std::function<std::string(const void* function)>;

  /// `state` is the plug-in's state after loading.
  TestProgram(const ring_check_test& test, RingState state, NameOf name_of);

  /// Runs `before`, and fails if it fails.
  [[nodiscard]] Result<> prepare() override;
  [[nodiscard]] std::uint32_t fiber_count() const override;
  void reset() override;
  void run(std::uint32_t fiber) override;
  /// Any loop may wait for any store.
  [[nodiscard]] bool spins() const override { return true; }
  [[nodiscard]] bool judges_memory() const override { return true; }
  /// Runs `after`, and judges the recorded operations.
  [[nodiscard]] std::string judge() override;
  /// "writer"; "reader 1" if several threads run one function.
  [[nodiscard]] std::string fiber_name(std::uint32_t fiber) const override;
  [[nodiscard]] History* history() override { return &history_; }
  [[nodiscard]] const RingState* state_to_keep() const override { return &state_; }

 private:
  /// Calls a function of the test while no thread runs; returns its error, or "".
  [[nodiscard]] std::string call_alone(void (*function)(), std::string_view which);

  const ring_check_test* test_;
  RingState state_;
  NameOf name_of_;
  History history_;
  std::size_t recorded_before_ = 0;  ///< operations of `before`
};

}  // namespace ringside::check
