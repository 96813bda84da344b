// The smallest scenario that still fails in the same way, by trying: statements are left out, blocks are
// opened, texts are shortened, faults made rarer, quirks turned off; what does not fail any more is put back.
//
// Delta debugging (Zeller 1999) over the statements, then over the parts of each. Some lines change together:
// a text with what is expected of it, a line with those that make no sense without it. It knows nothing of
// how a scenario is run: the caller decides whether one fails for the same reason (reason.h), and with which
// seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "emu/script/syntax.h"

namespace ringside::script {

/// Attempts of one shrinking, whatever they come to.
inline constexpr std::size_t shrink_attempts_max = 5000;

struct Shrunk {
  Scenario scenario;  ///< its seed is one that it fails with
  std::size_t attempts = 0;
  bool finished = false;  ///< nothing smaller was found; else the attempts ran out
};

/// The seed with which it fails in the way that matters; nothing: it does not.
using StillFails = std::function<std::optional<std::uint64_t>(const Scenario& scenario)>;

/// `scenario` fails.
[[nodiscard]] Shrunk shrink(Scenario scenario, const StillFails& still_fails,
                            std::size_t attempts_max = shrink_attempts_max);

/// Lines of it, those within blocks too.
[[nodiscard]] std::size_t size_of(const Scenario& scenario);

}  // namespace ringside::script
