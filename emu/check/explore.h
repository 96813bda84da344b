// Every execution that differs: a stateless search through all interleavings and all values, without those
// that only swap steps which have nothing to do with each other.
//
// Source-set dynamic partial-order reduction with sleep sets (Abdulla, Aronis, Jonsson and Sagonas, POPL
// 2014): each execution is analysed for races, and each race asks for an execution in which it goes the other
// way. Values that a load may yield are further branches at the same node. With a bound, executions that
// deviate more often from the plain order (going on with who runs, flushing at once, reading the newest) are
// left out, and the search says so.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "emu/check/execution.h"

namespace ringside::check {

inline constexpr std::uint32_t unbounded = 0xffffffff;

struct Limits {
  std::uint32_t bound = unbounded;               ///< deviations in one execution
  std::uint64_t executions = ~std::uint64_t{0};  ///< at most
  std::uint64_t steps = ~std::uint64_t{0};       ///< of all executions together, at most
  /// Asked now and then, with what was seen so far; true: stop here. Null: never.
  std::function<bool(const struct Exploration& so_far)> enough;
};

struct Exploration {
  std::uint64_t executions = 0;  ///< run to their end
  std::uint64_t redundant = 0;   ///< given up, since others show the same
  std::uint64_t steps = 0;
  std::uint32_t longest = 0;  ///< steps in one execution
  bool bounded = false;       ///< something was left out because of the bound
  bool stopped = false;       ///< by a limit, by `enough`, or an operation had more ways than are tried
  /// The search found shared memory that the space does not list, or an unlisted loop that waits. Then
  /// nothing else of this counts (Execution::has_found_memory, Execution::found_wait).
  bool found_memory = false;
  bool strayed = false;     ///< the program did not do the same again, so nothing is known
  End end = End::complete;  ///< of the execution that failed; complete: none did
  std::string failure;
  Schedule schedule;             ///< of the one that failed
  std::uint32_t deviations = 0;  ///< of the one that failed

  [[nodiscard]] bool failed() const { return end != End::complete; }
  /// Every execution was seen: a proof, for this program under this model.
  [[nodiscard]] bool whole() const { return !failed() && !bounded && !stopped && !strayed; }
};

/// Runs until everything was seen, something failed, or it is enough. `after` is called after each complete
/// execution (null: nothing to do); what it returns, if not empty, is a failure.
[[nodiscard]] Exploration explore(Execution& execution, const Limits& limits,
                                  const std::function<std::string()>& after = {});

/// Follows a schedule; then goes on in the plain order.
class Replay final : public Driver {
 public:
  explicit Replay(Schedule schedule) : schedule_(std::move(schedule)) {}
  Decision pick(const Execution& execution) override;
  /// False: it did not fit the program, so this is another execution.
  [[nodiscard]] bool fitted() const { return fitted_; }

 private:
  Schedule schedule_;
  std::size_t at_ = 0;
  std::uint32_t last_ = actors_max;
  bool fitted_ = true;
};

/// The plain order: flush at once, go on with who runs. `candidates` is not 0; `last` is who did the last
/// step.
[[nodiscard]] std::uint32_t plain_choice(std::uint32_t candidates, std::uint32_t last);

}  // namespace ringside::check
