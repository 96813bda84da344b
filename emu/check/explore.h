// A stateless search of all different executions: all interleavings and all values, except those that only
// swap independent steps.
//
// Source-set dynamic partial-order reduction with sleep sets (Abdulla, Aronis, Jonsson and Sagonas, POPL
// 2014): each execution is analysed for races, and each race requests an execution in the other order. Values
// that a load may yield are further branches at the same node. With a bound, executions with more deviations
// from the plain order (continue the running fiber, flush at once, read the newest value, publish as late as
// possible) are left out, and the result says so.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "emu/check/execution.h"

namespace ringside::check {

inline constexpr std::uint32_t unbounded = 0xffffffff;

/// A part of a search. Every order of the first `depth` steps is a branch, unless another branch differs only
/// in the order of independent steps. A part explores every `of`-th branch, from `number` on. All parts
/// together explore what the whole search does, if they know the same shared memory and the same loops that
/// wait.
struct SearchPart {
  std::uint32_t number = 0;
  std::uint32_t of = 1;
  std::uint32_t depth = 0;
};
/// A part, a part of it, and so on: each divides the branches of the one before at a depth that is not less.
/// Empty: the whole search.
using PartOfPart = std::vector<SearchPart>;

struct Limits {
  std::uint32_t bound = unbounded;               ///< deviations in one execution
  std::uint64_t executions = ~std::uint64_t{0};  ///< at most
  std::uint64_t steps = ~std::uint64_t{0};       ///< of all executions together, at most
  PartOfPart part;
  /// Called now and then, with the results so far; true: stop here. Null: never.
  std::function<bool(const struct Exploration& so_far)> enough;
};

struct Exploration {
  std::uint64_t executions = 0;  ///< run to the end
  std::uint64_t redundant = 0;   ///< abandoned, because others show the same
  std::uint64_t branches = 0;    ///< of the last part's depth, those of its other parts included
  std::uint64_t steps = 0;
  std::uint32_t longest = 0;  ///< steps in one execution
  bool bounded = false;       ///< executions were left out because of the bound
  bool stopped = false;       ///< by a limit or by `enough`, or an operation had more ways than are tried
  /// The search found shared memory that the space does not list, an unlisted loop that waits, or a loop that
  /// waits with effects. Then the other fields do not count (Execution::has_found_memory, found_wait,
  /// has_found_effects).
  bool found_memory = false;
  bool strayed = false;     ///< the program did not repeat its steps, so that there is no result
  End end = End::complete;  ///< of the execution that failed; complete: there is none
  std::string failure;
  Schedule schedule;             ///< of the one that failed
  std::uint32_t deviations = 0;  ///< of the one that failed

  [[nodiscard]] bool failed() const { return end != End::complete; }
  /// Every execution was explored: a proof, for this program under this model.
  [[nodiscard]] bool whole() const { return !failed() && !bounded && !stopped && !strayed; }
};

/// Runs until every execution was explored, one failed, or a limit is reached. `after` is called after each
/// complete execution (null: not called); its result is a failure unless it is empty.
[[nodiscard]] Exploration explore(Execution& execution, const Limits& limits,
                                  const std::function<std::string()>& after = {});

/// Follows a schedule; then continues in the plain order.
class Replay final : public Driver {
 public:
  explicit Replay(Schedule schedule) : schedule_(std::move(schedule)) {}
  Decision pick(const Execution& execution) override;
  /// False: the schedule did not fit the program, so that this is another execution.
  [[nodiscard]] bool fitted() const { return fitted_; }

 private:
  Schedule schedule_;
  std::size_t at_ = 0;
  std::uint32_t last_ = actors_max;
  bool fitted_ = true;
};

/// The plain order: flush at once, continue the running fiber. `candidates` is not 0; `last` is the actor of
/// the last step.
[[nodiscard]] std::uint32_t plain_choice(std::uint32_t candidates, std::uint32_t last);

}  // namespace ringside::check
