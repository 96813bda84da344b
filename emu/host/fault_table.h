// The faults between the processes of a machine: a file in its directory. The injecting process maps it, and
// only that process adds and removes rules. Every process that was started while the file existed maps it
// too, and checks for each kick and unit whether a rule takes effect. A machine without the file has no
// faults, and its processes never check.
#pragma once

#include <optional>

#include "emu/host/fault_rule.h"
#include "emu/host/machine.h"

namespace ringside {

/// The most rules of one machine, including healed ones: entries of the table are not reused.
inline constexpr std::size_t fault_rules_ever_max = 1024;

class FaultTable {
 public:
  /// For the injecting process, before the machine's processes are started. Percentages are drawn from
  /// `seed`, unless `plain`: then only a rule with 100 percent takes effect. `controller` is the name of the
  /// process that has the guests' channels.
  static Result<FaultTable> make(Host& host, const Machine& machine, std::string_view controller,
                                 std::uint64_t seed, bool plain);
  /// For a process of the machine. Empty: the machine has no faults.
  static std::optional<FaultTable> find(Host& host, const Machine& machine);

  /// EINVAL, ENOSPC: as check_fault() and too_many_faults().
  Result<> add(const FaultRule& rule);
  void heal();

  /// The unit size of a stream between these two components; empty: there is no rule for it.
  [[nodiscard]] std::optional<std::size_t> unit_of(std::string_view from, std::string_view to) const;
  /// Called for each kick or unit: returns the rule that takes effect now, and counts it; empty if none does.
  /// All calls with one `from` come from one process.
  [[nodiscard]] std::optional<FaultRule> bite(FaultRule::Traffic traffic, std::string_view from,
                                              std::string_view to);

  /// A kick or a unit is held back until this time.
  void hold_until(Time time);
  [[nodiscard]] Time held_until() const;
  [[nodiscard]] std::string controller() const;

 private:
  struct Shared;
  explicit FaultTable(Mapping memory);
  [[nodiscard]] Shared& shared() const;
  Mapping memory_;
};

}  // namespace ringside
