// A list of steps for a machine, drawn from a seed: work, and faults in between. The same seed gives the same
// list on every machine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "emu/script/stage.h"

namespace ringside::chaos {

inline constexpr DomainId domains_max = 3;
inline constexpr std::size_t steps_usual = 60;

enum class StepAction : std::uint8_t {
  // Work.
  print,
  type,
  create,
  viewer_connects,
  // The user.
  viewer_leaves,
  viewer_ends_typing,
  viewer_stops_reading,
  viewer_reads,
  // The domain.
  program_ends,
  guest_killed,
  destroy,
  pause,
  unpause,
  guest_stops_taking,
  guest_takes,
  suspend,
  resume,
  // dom0's daemons. The console daemon is xend, xenctld or xenconsoled. `start` continues a stopped daemon
  // and starts a
  // killed one.
  kill_xcs,
  kill_console_daemon,
  stop_xcs,
  stop_console_daemon,
  start_xcs,
  start_console_daemon,
  // Between processes.
  lose_events,
  delay_events,
  double_events,
  late_bytes,
  heal,
  // Other clients on xcs's socket: half of a session, a client that sends half a frame, one that never reads.
  half_session,
  half_frame,
  unreading_client,
  clients_leave,
  // Exhausted resources.
  accepts_fail,
  xcs_no_descriptors,
  console_daemon_no_descriptors,
  disk_full,
  resources_return,
  // The clock.
  clock_jumps,
};

struct PlanStep {
  StepAction what = StepAction::print;
  DomainId domain = 1;        ///< its place, 1 to domains_max, if a domain is concerned
  std::uint32_t amount = 0;   ///< bytes, events, connections or seconds
  std::uint32_t then_us = 0;  ///< virtual time until the next step

  friend bool operator==(const PlanStep&, const PlanStep&) = default;
};

using Plan = std::vector<PlanStep>;

[[nodiscard]] Plan plan_of(std::uint64_t seed, std::size_t length = steps_usual);
/// "xend is killed, then 120 us"
[[nodiscard]] std::string text_of(const PlanStep& step, script::Dom0 dom0);

}  // namespace ringside::chaos
