// Between which two lanes an entry is drawn as an arrow. Live views and the replay page have the same lanes.
// The shared page and the event channel are lanes of their own, since they belong to no single process.
//
// Pure. Flow knows which connection of xcs belongs to which client.
#pragma once

#include <cstdint>
#include <string_view>

#include "emu/trace/flow.h"

namespace ringside::trace {

/// In the order in which they are drawn, from left to right.
enum class Lane : std::uint8_t {
  user,
  client,
  xend,
  xenctld,
  xenconsoled,
  xcs,
  event,
  page,
  domain,
  tty,
  dom0,
  xen,
  uart
};
inline constexpr std::size_t lanes = 13;

/// "user", "domU": at most seven characters.
[[nodiscard]] std::string_view lane_name(Lane lane);
[[nodiscard]] Lane lane_of(Role role);

/// If both are the same, it is a note on one lane.
struct Arrow {
  Lane from;
  Lane to;
};
[[nodiscard]] Arrow arrow_of(const Entry& entry, const Flow& flow);

}  // namespace ringside::trace
