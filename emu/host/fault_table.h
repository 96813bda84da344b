// The faults between the processes of a machine: a file in its directory, mapped by whoever injects them, who
// alone adds and heals, and by every process that was started while it was there, which asks at the seam
// whether one bites. A machine without the file has no faults, and its processes never ask.
#pragma once

#include <optional>

#include "emu/host/fault_rule.h"
#include "emu/host/machine.h"

namespace ringside {

/// Of one machine, healed ones included: a table is not used again and again.
inline constexpr std::size_t fault_rules_ever_max = 1024;

class FaultTable {
 public:
  /// For whoever injects: before the machine's processes are started. Shares are drawn from `seed`, unless
  /// `plain`: then only a share of 100 ever bites. `controller` is the name of whoever has the guests'
  /// channels.
  static Result<FaultTable> make(Host& host, const Machine& machine, std::string_view controller,
                                 std::uint64_t seed, bool plain);
  /// For a process of the machine. Nothing: it has no faults.
  static std::optional<FaultTable> find(Host& host, const Machine& machine);

  /// EINVAL, ENOSPC: as check_fault() and too_many_faults().
  Result<> add(const FaultRule& rule);
  void heal();

  /// What is lost or late as a whole on a stream between these two; nothing: no rule is about it.
  [[nodiscard]] std::optional<std::size_t> unit_of(std::string_view from, std::string_view to) const;
  /// One such thing is on its way: the rule that bites now, which counts it; nothing if none does. Things of
  /// one `from` are all asked about by one process.
  [[nodiscard]] std::optional<FaultRule> bite(FaultRule::Thing thing, std::string_view from,
                                              std::string_view to);

  /// Something is held back until then.
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
