// Faults injected between two components of the simulated world: kicks and stream bytes that are lost, late,
// duplicated or overtaken. This keeps the rules and selects the one that takes effect; SimWorld carries it
// out.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "emu/base/choice.h"
#include "emu/host/fault_rule.h"

namespace ringside {

class SimFaults {
 public:
  [[nodiscard]] bool empty() const { return rules_.empty(); }
  /// EINVAL, ENOSPC: as check_fault() and too_many_faults().
  Result<> add(FaultRule fault);
  void clear() { rules_.clear(); }

  /// The first rule for these two; null if there is none.
  [[nodiscard]] const FaultRule* find(FaultRule::Traffic traffic, std::string_view from,
                                      std::string_view to) const;
  /// Called for each kick or unit: returns the rule that takes effect now, and counts it; empty if none does.
  [[nodiscard]] std::optional<FaultRule> bite(FaultRule::Traffic traffic, std::string_view from,
                                              std::string_view to, Choice* choice);

 private:
  std::vector<FaultRule> rules_;  ///< oldest first; a rule whose count is used up is removed
};

}  // namespace ringside
