// The steps that concern a daemon. A step does nothing if the daemon is not in the right state for it.
#include "tools/chaos/daemons.h"

#include <algorithm>

namespace ringside::chaos {

using script::Daemon;

Daemons::Daemons(script::Stage& stage, script::Dom0 dom0)
    : stage_(stage), console_daemon_(script::console_keeper(dom0)) {
  if (dom0 == script::Dom0::xcs_xend) states_[Daemon::xcs] = State::runs;
  states_[console_daemon_] = State::runs;
}

bool Daemons::up(Daemon daemon) const {
  const auto found = states_.find(daemon);
  return found != states_.end() && found->second != State::killed;
}

bool Daemons::serve() const {
  return std::ranges::all_of(states_, [](const auto& each) { return each.second == State::runs; });
}

bool Daemons::kill(Daemon daemon) {
  if (!up(daemon) || !stage_.daemon_stops(daemon)) return false;
  states_[daemon] = State::killed;
  return true;
}

bool Daemons::stop(Daemon daemon) {
  const auto found = states_.find(daemon);
  if (found == states_.end() || found->second != State::runs) return false;
  found->second = State::stopped;
  return static_cast<bool>(stage_.daemon_stalls(daemon));
}

std::string Daemons::start(Daemon daemon) {
  const auto found = states_.find(daemon);
  if (found == states_.end()) return std::string("no such daemon: ") + script::name_of(daemon);
  if (found->second == State::runs) return {};
  const auto started = stage_.daemon_starts(daemon);
  if (started) {
    found->second = State::runs;
    return {};
  }
  // Like a process that reports why it cannot start, and ends.
  if (found->second == State::killed) (void)stage_.daemon_stops(daemon);
  found->second = State::killed;
  return started.error().text();
}

std::string Daemons::start_all() {
  for (const auto& [daemon, state] : states_) {
    if (std::string why = start(daemon); !why.empty()) return why;
  }
  return {};
}

std::map<std::string, std::size_t> handles_of_daemons(SimWorld& world) {
  std::map<std::string, std::size_t> counts;
  for (const std::string& line : world.open_handles()) {
    const std::string_view process = std::string_view(line).substr(0, line.find(':'));
    if (process == "xen" || process == "xcs" || process == "xend" || process == "xenctld" ||
        process == "xenconsoled")
      ++counts[line.substr(0, line.find_last_not_of("0123456789") + 1)];
  }
  SimHost& host = world.host("chaos");
  Privcmd privcmd(host, world.dom0_connection(host));
  for (std::uint32_t port = 0; port < ring::ports_per_domain; ++port) {
    auto status = privcmd.evtchn_status(0, static_cast<ring::Port>(port));
    if (status && status->state != PortState::closed) ++counts["dom0: event port"];
  }
  return counts;
}

}  // namespace ringside::chaos
