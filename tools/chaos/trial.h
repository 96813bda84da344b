// Carries out one plan on a machine, simulated or of processes, and checks the account at its end.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "emu/base/check.h"
#include "emu/script/stage.h"
#include "emu/trace/journal_file.h"
#include "tools/chaos/plan.h"

namespace ringside::chaos {

/// Makes the machine on which a plan is carried out.
using MakeStage = std::function<std::unique_ptr<script::Stage>(script::StagePlan)>;

struct Outcome {
  std::string mistake = {};  ///< what was wrong at the end; else empty
  std::optional<Error> obstacle =
      {};  ///< why the plan could not be carried out; the other fields are then undefined
  std::vector<std::string> warnings = {};  ///< of the daemons, when something was wrong
  std::uint64_t bytes = 0;                 ///< bytes that were printed and typed
  std::uint64_t steps_done = 0;            ///< steps of the plan that could be done
};

struct TrialOptions {
  script::Dom0 dom0 = script::Dom0::xcs_xend;
  Answer answer = Answer::xend;
  trace::Journaled* journal = nullptr;  ///< if given, gets each entry, and each step of the plan as a mark
  /// Empty: a simulated machine. On another stage, steps that only a simulated machine can do are left out,
  /// and the seed decides only the plan.
  MakeStage make = {};
};

/// Carries out `plan` unchanged; `seed` decides the order of events and the size of each read and write. At
/// the end it removes all faults, starts all daemons, and connects a viewer to each domain. Then the machine
/// must come to rest and the account must be correct. After all domains are destroyed, no handle or file of a
/// simulated machine may be left over.
[[nodiscard]] Outcome carry_out(std::uint64_t seed, const Plan& plan, const TrialOptions& options = {});

/// Shortens a failing plan by leaving out steps while it still fails. Tries at most `tries_max` times.
[[nodiscard]] Plan shrunk(std::uint64_t seed, Plan plan, const TrialOptions& options, std::size_t tries_max);

}  // namespace ringside::chaos
