// Kills, stops and starts dom0's daemons, and counts what they hold, for a list of steps. A step that does
// not fit the state of its daemon does nothing.
#pragma once

#include <map>
#include <string>

#include "emu/host/sim.h"
#include "emu/script/stage.h"

namespace ringside::chaos {

class Daemons {
 public:
  /// All daemons of this kind of dom0 run. `stage` outlives this.
  Daemons(script::Stage& stage, script::Dom0 dom0);

  /// xend, xenctld or xenconsoled.
  [[nodiscard]] script::Daemon console_daemon() const { return console_daemon_; }

  bool kill(script::Daemon daemon);
  /// Like SIGSTOP.
  bool stop(script::Daemon daemon);
  /// Starts a daemon that was killed; continues one that was stopped. Returns why it failed; empty if the
  /// daemon runs.
  std::string start(script::Daemon daemon);
  /// Starts or continues all of them.
  std::string start_all();
  /// True if it was not killed.
  [[nodiscard]] bool up(script::Daemon daemon) const;
  /// True if all run and none is stopped.
  [[nodiscard]] bool serve() const;

 private:
  enum class State : std::uint8_t { runs, stopped, killed };

  script::Stage& stage_;
  script::Daemon console_daemon_;
  std::map<script::Daemon, State> states_;
};

/// The number of open handles of xen and dom0's daemons by kind, as "xend: stream", and of dom0's event
/// ports.
[[nodiscard]] std::map<std::string, std::size_t> handles_of_daemons(SimWorld& world);

}  // namespace ringside::chaos
