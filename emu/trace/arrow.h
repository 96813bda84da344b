// Between whom an entry is: the two lanes that an arrow for it is drawn between. Live views and the replay
// page have the same lanes; the shared page and the event channel are lanes of their own, since they are
// nobody's.
//
// Pure; which connection of xcs is whose is asked of Flow.
#pragma once

#include <cstdint>
#include <string_view>

#include "emu/trace/flow.h"

namespace ringside::trace {

/// In the order in which they stand side by side.
enum class Lane : std::uint8_t {
  user,
  client,
  xend,
  xenctld,
  xcs,
  event,
  page,
  domain,
  tty,
  dom0,
  xen,
  uart
};
inline constexpr std::size_t lanes = 12;

/// "user", "domU": at most seven characters.
[[nodiscard]] std::string_view lane_name(Lane lane);
[[nodiscard]] Lane lane_of(Role role);

/// Both the same: a note of one lane.
struct Arrow {
  Lane from;
  Lane to;
};
[[nodiscard]] Arrow arrow_of(const Entry& entry, const Flow& flow);

}  // namespace ringside::trace
