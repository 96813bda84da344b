// The state of a domain, as Xen reports it: at the start of a watch in its DomainInfo, and later in the
// journal.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include "emu/host/hypercall.h"
#include "emu/trace/event.h"

namespace ringside::tools {

enum class Life : std::uint8_t { unknown, running, paused, suspended, shut_down, crashed, gone };

[[nodiscard]] constexpr std::string_view life_name(Life life) {
  switch (life) {
    case Life::unknown:
      return "";
    case Life::running:
      return "running";
    case Life::paused:
      return "paused";
    case Life::suspended:
      return "suspended";
    case Life::shut_down:
      return "shut down";
    case Life::crashed:
      return "crashed";
    case Life::gone:
      return "gone";
  }
  return "";
}

/// Whether the domain has no guest any more.
[[nodiscard]] constexpr bool has_ended(Life life) {
  return life == Life::shut_down || life == Life::crashed || life == Life::gone;
}

[[nodiscard]] inline Life life_of(const DomainInfo& info) {
  if (info.state.crashed != 0) return Life::crashed;
  if (info.suspended()) return Life::suspended;
  if (info.state.shutdown != 0) return Life::shut_down;
  return info.state.paused != 0 ? Life::paused : Life::running;
}

/// Empty if the entry does not change the state of its domain.
[[nodiscard]] inline std::optional<Life> life_after(const trace::Entry& entry) {
  using trace::Fact;
  constexpr std::pair<Fact, Life> lives[] = {
      {Fact::created, Life::paused},   {Fact::paused, Life::paused},
      {Fact::unpaused, Life::running}, {Fact::resumed, Life::paused},
      {Fact::crashed, Life::crashed},  {Fact::connection_closed, Life::crashed},
      {Fact::destroyed, Life::gone},   {Fact::shut_down, Life::shut_down}};
  if (entry.kind != trace::Kind::told || entry.actor.role != trace::Role::xen) return std::nullopt;
  const Fact fact = trace::fact_of(entry);
  if (fact == Fact::shut_down && static_cast<ShutdownReason>(entry.values[1]) == ShutdownReason::suspend)
    return Life::suspended;
  const auto* const found = std::ranges::find(lives, fact, &std::pair<Fact, Life>::first);
  if (found == std::end(lives)) return std::nullopt;
  return found->second;
}

}  // namespace ringside::tools
