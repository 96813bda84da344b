// One plan carried out on a simulated machine, and the books balanced at its end.
#pragma once

#include <cstdint>
#include <string>

#include "emu/trace/journal_file.h"
#include "tools/chaos/plan.h"

namespace ringside::chaos {

struct Outcome {
  std::string mistake;         ///< what was wrong at the end; empty: nothing
  std::uint64_t bytes = 0;     ///< that were printed and typed
  std::uint64_t happened = 0;  ///< of the plan: what could be done
};

/// `seed` decides the order of events and how much each read and write moves; the plan is carried out as it
/// is. At its end all faults are taken back, all that was stopped is started, each domain gets a viewer, and
/// everything must come to rest, add up and, once the domains are gone, be gone as well. `journal`, if given,
/// gets each entry, and each step of the plan as a mark.
[[nodiscard]] Outcome carry_out(std::uint64_t seed, const Plan& plan, trace::Journaled* journal = nullptr);

/// The smallest plan found that still fails: one that is left out is one that was not needed. `plan` fails.
/// Tries at most `tries_max` times.
[[nodiscard]] Plan shrunk(std::uint64_t seed, Plan plan, std::size_t tries_max);

}  // namespace ringside::chaos
