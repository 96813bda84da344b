// What goes wrong on purpose at the seam, as a rule: kicks and stream bytes between two components that are
// lost, late, doubled or overtaken. Both worlds carry such rules out, each in its own way; what a rule may
// say, and what is done to a page when an event is lost, is the same in both and is here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "emu/host/host.h"

namespace ringside {

/// At work at the same time.
inline constexpr std::size_t faults_max = 64;
/// How long what is to be overtaken waits for something that does so.
inline constexpr Duration reorder_wait = std::chrono::milliseconds(1);

struct FaultRule {
  enum class Effect : std::uint8_t {
    drop,
    delay,      ///< by `by`; on a stream all that follows waits behind it
    duplicate,  ///< once more, `by` later
    reorder,    ///< streams: the next unit goes before it; after `by` without one it goes by itself
  };
  enum class Thing : std::uint8_t { kick, bytes };

  Effect effect = Effect::drop;
  Thing thing = Thing::kick;
  std::string from;  ///< a component's name
  std::string to;
  std::uint32_t next = 0;       ///< the next so many, 0 = all
  std::uint32_t percent = 100;  ///< of those
  Duration by{0};
  /// Of a stream: what is lost or late as a whole, counted from the stream's beginning. 0 = one write, which
  /// can only be delayed, since no program could tell where another's write ended.
  std::size_t unit_bytes = 0;
};

/// EINVAL: it says nothing, or what cannot be.
[[nodiscard]] Result<> check_fault(const FaultRule& rule);
/// ENOSPC: there is no room for one more.
[[nodiscard]] Error too_many_faults(const FaultRule& rule);
/// What a journal says when one has bitten: "fault: its event to xcs is lost".
[[nodiscard]] std::string bite_text(const FaultRule& rule, std::string_view to);

/// An event that is lost leaves no bit behind: else all that follow would take themselves for announced, and
/// one loss would be as good as all. Of the guest's event to dom0, in its page:
void take_back_event_up(std::byte* page);
/// Of dom0's event at a port of the guest's.
void take_back_event_down(std::byte* page, ring::Abi abi, ring::Port port);

}  // namespace ringside
