// What happens to a machine, drawn from a seed: work, and faults that come in between. The same seed gives
// the same list on every machine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "emu/host/host.h"

namespace ringside::chaos {

inline constexpr DomainId domains_max = 3;
inline constexpr std::size_t happenings_usual = 60;

enum class What : std::uint8_t {
  // Work.
  print,
  type,
  create,
  viewer_comes,
  // The user.
  viewer_leaves,
  viewer_looks_away,
  viewer_looks,
  // The domain.
  program_ends,
  guest_killed,
  destroy,
  pause,
  resume,
  guest_deaf,
  guest_listens,
  suspend,
  wake,
  // dom0's daemons. A daemon that was stopped goes on, and one that was killed is started again, by `start`.
  kill_xcs,
  kill_xend,
  stop_xcs,
  stop_xend,
  start_xcs,
  start_xend,
  // Between processes.
  lose_events,
  delay_events,
  double_events,
  late_bytes,
  heal,
  // Strangers on xcs's socket: half of a session, one who sends half a frame, one who never reads.
  half_session,
  half_frame,
  deaf_client,
  clients_leave,
  // What runs out.
  accepts_fail,
  xcs_no_descriptors,
  xend_no_descriptors,
  disk_full,
  plenty,
  // The clock.
  clock_jumps,
};

struct Happening {
  What what = What::print;
  DomainId domain = 1;        ///< where it is about one: whoever is in that place, 1 to domains_max
  std::uint32_t amount = 0;   ///< bytes, events, connections or seconds
  std::uint32_t then_us = 0;  ///< virtual time until the next

  friend bool operator==(const Happening&, const Happening&) = default;
};

using Plan = std::vector<Happening>;

[[nodiscard]] Plan plan_of(std::uint64_t seed, std::size_t length = happenings_usual);
/// "kill xend, then 120 us"
[[nodiscard]] std::string text_of(const Happening& happening);

}  // namespace ringside::chaos
