// Fibers that wait for a store in a loop (ring_check_await): which stores end the wait.
//
// A loop continues when another fiber has changed a location that the loop has read. Any other store would
// only make it read the same values again. So executions that differ only in such rounds are not explored.
//
// This needs loops whose rounds do the same as long as they read the same. The rounds are compared: if one
// differs, has_effects() is true, and the search is repeated with fibers that continue after any store.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "emu/check/op.h"
#include "emu/check/space.h"

namespace ringside::check {

class Waiting {
 public:
  /// An execution begins. `is_exact` is false: fibers continue after any store, and this object does nothing.
  void begin(const Space& space, bool is_exact);
  /// Before a step of `fiber` is announced. Compares it with the last round.
  void announced(std::uint32_t fiber, const Op& op);
  /// The fiber has ended, as announced().
  void ended(std::uint32_t fiber);
  /// Sets the locations that `await` waits for. There are none if the fiber has read nothing since it last
  /// stored or waited, or too much: it continues after any store then.
  void prepare(std::uint32_t fiber, Op& await) const;
  /// Step `step` of the execution, of `actor`, happens. For an access, the space has the value that it reads;
  /// `option` 0 reads the newest.
  void happens(std::uint32_t step, std::uint32_t actor, const Op& op, std::uint32_t option);
  /// How many changes the wait of `fiber`, which prepare() has set, has seen; at most 2.
  [[nodiscard]] std::uint32_t changes(std::uint32_t fiber, const Op& await) const;

  static constexpr std::uint32_t no_step = 0xffffffff;
  /// For each location that prepare() has set: the step of its first change since the fiber has read it.
  /// no_step: there was none, or the wait needs none, because an old value was read.
  [[nodiscard]] std::array<std::uint32_t, watched_max> first_changes(std::uint32_t fiber,
                                                                     const Op& await) const;

  /// A round of a loop did something else, although it read the same.
  [[nodiscard]] bool has_effects() const { return has_effects_; }

 private:
  static constexpr std::size_t looks_max = 24;

  /// An access that has only read.
  struct Look {
    const void* code = nullptr;
    std::uint32_t offset = 0;
    std::uint16_t first = 0;
    std::uint16_t last = 0;
    std::uint64_t value = 0;
    [[nodiscard]] bool is_at(const Op& op) const { return code == op.code && offset == op.offset; }
  };
  struct Seen {
    std::uint16_t location = 0;
    std::uint32_t changes = 0;
    std::uint32_t first_change = no_step;
    bool is_old = false;  ///< an older value was read
  };
  /// What a fiber has read since it last stored or waited.
  struct Round {
    std::vector<Look> looks;
    std::vector<Seen> seen;
    bool is_too_long = false;
    void clear() {
      looks.clear();
      seen.clear();
      is_too_long = false;
    }
  };
  enum class Compares : std::uint8_t { no, head, round };
  struct Fiber {
    Round round;
    Round last;  ///< the round that ended in the wait
    Compares compares = Compares::no;
    std::size_t at = 0;  ///< the next look of the last round
  };

  void look(Fiber& fiber, const Op& op, std::uint32_t option, std::uint64_t value);
  void changed(std::uint32_t step, std::uint32_t actor, const Op& op);
  [[nodiscard]] std::uint64_t value_of(const Op& op) const;
  [[nodiscard]] bool finds_expected(const Op& op) const;

  const Space* space_ = nullptr;
  bool is_exact_ = false;
  bool has_effects_ = false;
  std::array<Fiber, fibers_max> fibers_;
  std::vector<std::uint32_t> changes_;  ///< of each location, in this execution
  std::vector<std::uint16_t> changed_;  ///< those that are not 0, some more than once
};

}  // namespace ringside::check
