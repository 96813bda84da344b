// Kills, stops and starts xcs and xend for a list of steps. A step that does not fit the state of its daemon
// does nothing.
#pragma once

#include <array>
#include <string>

#include "emu/script/stage.h"

namespace ringside::chaos {

class Daemons {
 public:
  /// Both run. `stage` outlives this.
  explicit Daemons(script::Stage& stage) : stage_(stage) {}

  bool kill(script::Daemon daemon);
  /// Like SIGSTOP.
  bool stop(script::Daemon daemon);
  /// Starts a daemon that was killed; continues one that was stopped. Returns the reason of a failure; empty:
  /// it runs.
  std::string start(script::Daemon daemon);
  /// True if it was not killed.
  [[nodiscard]] bool up(script::Daemon daemon) const { return up_[index(daemon)]; }
  /// True if both run and neither is stopped.
  [[nodiscard]] bool serve() const { return up_[0] && up_[1] && !stopped_[0] && !stopped_[1]; }

 private:
  static std::size_t index(script::Daemon daemon) { return daemon == script::Daemon::xcs ? 0 : 1; }

  script::Stage& stage_;
  std::array<bool, 2> up_ = {true, true};
  std::array<bool, 2> stopped_ = {};
};

}  // namespace ringside::chaos
