// One plan carried out on a simulated machine, and the books balanced at its end.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "emu/script/stage.h"
#include "emu/trace/journal_file.h"
#include "tools/chaos/plan.h"

namespace ringside::chaos {

/// Makes the machine on which a plan is carried out.
using MakeStage = std::function<std::unique_ptr<script::Stage>(script::StagePlan)>;

struct Outcome {
  std::string mistake;         ///< what was wrong at the end; empty: nothing
  std::uint64_t bytes = 0;     ///< that were printed and typed
  std::uint64_t happened = 0;  ///< of the plan: what could be done
};

/// `seed` decides the order of events and how much each read and write moves; the plan is carried out as it
/// is. At its end all faults are taken back, all that was stopped is started, each domain gets a viewer, and
/// everything must come to rest, add up and, once the domains are gone, be gone as well. `journal`, if given,
/// gets each entry, and each step of the plan as a mark. On a stage that `make` makes, what only a simulated
/// machine can do is left out, and `seed` decides nothing but the plan.
[[nodiscard]] Outcome carry_out(std::uint64_t seed, const Plan& plan, trace::Journaled* journal = nullptr,
                                const MakeStage& make = {});

/// The smallest plan found that still fails: one that is left out is one that was not needed. `plan` fails.
/// Tries at most `tries_max` times.
[[nodiscard]] Plan shrunk(std::uint64_t seed, Plan plan, std::size_t tries_max);

}  // namespace ringside::chaos
