// Finds the smallest scenario that still fails in the same way: removes statements, opens blocks, shortens
// texts, makes faults rarer, turns quirks and early answers off. A change after which the scenario does not
// fail is undone.
//
// Delta debugging (Zeller 1999) over the statements, then over the parts of each. Some lines change together:
// a text and the lines that expect it, a line and the lines that need it. The caller runs the scenarios, and
// decides whether one fails for the same reason (reason.h), and with which seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "emu/script/syntax.h"

namespace ringside::script {

/// The most attempts, successful or not.
inline constexpr std::size_t shrink_attempts_max = 5000;

struct Shrunk {
  Scenario scenario;  ///< with a seed with which it fails
  std::size_t attempts = 0;
  bool finished = false;  ///< no smaller scenario was found; otherwise the attempts were used up
};

/// The seed with which the scenario fails for the same reason; empty: it does not.
using StillFails = std::function<std::optional<std::uint64_t>(const Scenario& scenario)>;

/// `scenario` must fail.
[[nodiscard]] Shrunk shrink(Scenario scenario, const StillFails& still_fails,
                            std::size_t attempts_max = shrink_attempts_max);

/// The number of its lines, with those within blocks.
[[nodiscard]] std::size_t size_of(const Scenario& scenario);

}  // namespace ringside::script
