// A fault to inject at the Host interface, as a rule: kicks and stream bytes between two components that are
// lost, late, duplicated or overtaken. Both hosts carry such rules out, each in its own way. The valid rules,
// and the change of a page when an event is lost, are the same in both and are here.
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
  std::uint32_t next = 0;       ///< applies to the next so many, 0 = all
  std::uint32_t percent = 100;  ///< of those
  Duration by{0};
  /// Of a stream: the size of what is lost or late as a whole, counted from the stream's beginning. 0 = one
  /// write, which can only be delayed, since the receiver cannot tell where a write ended.
  std::size_t unit_bytes = 0;
};

/// EINVAL: the rule is empty or impossible.
[[nodiscard]] Result<> check_fault(const FaultRule& rule);
/// ENOSPC: the table is full.
[[nodiscard]] Error too_many_faults(const FaultRule& rule);
/// What the journal reports when a rule takes effect. Its argument is the name of the receiver.
[[nodiscard]] trace::Fact fact_of_fault(const FaultRule& rule);

/// Removes the bits of a lost event. Otherwise all later events would find the bit set, so that one loss
/// would suppress all of them. This one is for a guest's event to dom0, in its page:
void take_back_event_up(std::byte* page);
/// For dom0's event at a port of the guest.
void take_back_event_down(std::byte* page, ring::Abi abi, ring::Port port);

}  // namespace ringside
