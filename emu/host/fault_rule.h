// A fault to inject at the Host interface, as a rule: kicks and stream bytes between two components that are
// lost, late, duplicated or overtaken. Each host applies such rules in its own way. This file has the parts
// that are common to both: which rules are valid, and how a page changes when an event is lost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "emu/host/host.h"
#include "emu/trace/facts.h"

namespace ringside {

/// The most rules in force at the same time.
inline constexpr std::size_t faults_max = 64;
/// How long an event or a unit waits for one to overtake it.
inline constexpr Duration reorder_wait = std::chrono::milliseconds(1);

struct FaultRule {
  enum class Effect : std::uint8_t {
    drop,
    delay,      ///< by `by`; on a stream all later bytes wait behind it
    duplicate,  ///< again, `by` later
    reorder,    ///< streams: the next unit overtakes it; if none comes within `by`, it is sent
  };
  enum class Traffic : std::uint8_t { kick, bytes };

  Effect effect = Effect::drop;
  Traffic traffic = Traffic::kick;
  std::string from;  ///< a component's name
  std::string to;
  std::uint32_t next = 0;       ///< how many kicks or units it applies to, 0 = all
  std::uint32_t percent = 100;  ///< the share of the kicks or units that it applies to
  Duration by{0};
  /// For a stream: the size of the units that are lost or delayed as a whole, counted from the stream's
  /// beginning. 0 = each write is a unit and can only be delayed, since the receiver cannot tell where a
  /// write ended.
  std::size_t unit_bytes = 0;
};

/// EINVAL: the rule is empty or impossible.
[[nodiscard]] Result<> check_fault(const FaultRule& rule);
/// ENOSPC: the table is full.
[[nodiscard]] Error too_many_faults(const FaultRule& rule);
/// What the journal reports when a rule takes effect. Its argument is the name of the receiver.
[[nodiscard]] trace::Fact fact_of_fault(const FaultRule& rule);

/// Clears the bits of a lost event from a guest to dom0, in the guest's page. Otherwise later events would
/// find the bit set, so that one loss would suppress all of them.
void take_back_event_up(std::byte* page);
/// The same for a lost event from dom0 at a port of the guest.
void take_back_event_down(std::byte* page, ring::Abi abi, ring::Port port);

}  // namespace ringside
