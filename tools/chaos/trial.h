// Carries out one plan on a simulated machine, and checks the books at its end.
#pragma once

#include <cstdint>
#include <string>

#include "tools/chaos/plan.h"

namespace ringside::chaos {

struct Outcome {
  std::string mistake;         ///< what was wrong at the end; else empty
  std::uint64_t bytes = 0;     ///< bytes that were printed and typed
  std::uint64_t happened = 0;  ///< steps of the plan that could be done
};

/// Carries out `plan` unchanged; `seed` decides the order of events and the size of each read and write. At
/// the end it removes all faults, starts everything that was stopped, and connects a viewer to each domain.
/// Then the machine must come to rest and the books must be right. After all domains are destroyed, nothing
/// may be left over.
[[nodiscard]] Outcome carry_out(std::uint64_t seed, const Plan& plan);

/// Shortens a failing plan by leaving out steps while it still fails. Tries at most `tries_max` times.
[[nodiscard]] Plan shrunk(std::uint64_t seed, Plan plan, std::size_t tries_max);

}  // namespace ringside::chaos
