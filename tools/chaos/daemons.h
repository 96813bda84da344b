// xcs and xend as a list of steps kills, stops and starts them: a step that finds its daemon in another state
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
  /// As SIGSTOP does.
  bool stop(script::Daemon daemon);
  /// Starts one that was killed; one that was stopped goes on. Answers why it could not; empty: it runs.
  std::string start(script::Daemon daemon);
  /// Was not killed.
  [[nodiscard]] bool up(script::Daemon daemon) const { return up_[index(daemon)]; }
  /// Both run, and neither is stopped.
  [[nodiscard]] bool serve() const { return up_[0] && up_[1] && !stopped_[0] && !stopped_[1]; }

 private:
  static std::size_t index(script::Daemon daemon) { return daemon == script::Daemon::xcs ? 0 : 1; }

  script::Stage& stage_;
  std::array<bool, 2> up_ = {true, true};
  std::array<bool, 2> stopped_ = {};
};

}  // namespace ringside::chaos
