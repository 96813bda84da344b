// Which daemon is at dom0's end of the rings in a scenario, and whether all its lines mean that one.
#pragma once

#include <array>

#include "emu/script/source.h"
#include "emu/script/syntax.h"

namespace ringside::script {

class Controllers {
 public:
  /// A line names that actor.
  void named(trace::Role role, const Span& at);
  /// The controller is the one that the scenario sets, or else the first that a line names. A line that needs
  /// another one is an error.
  void decide(Setup& setup, Diagnostics& diagnostics) const;

 private:
  std::array<Span, controller_names.size()> at_{};  ///< where each is first named
};

}  // namespace ringside::script
