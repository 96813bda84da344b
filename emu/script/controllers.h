// The controller at dom0's end of the rings: which one a scenario means, and which words that one does not
// serve. xcs and xenctld serve the console of 2005, xenconsoled today's, and a machine has one of them.
#pragma once

#include <array>

#include "emu/script/source.h"
#include "emu/script/syntax.h"

namespace ringside::script {

class Controllers {
 public:
  /// A line at `span` names an actor of that role.
  void named(trace::Role role, const Span& span);
  /// Called when all lines are named: sets Setup::controller, and reports what does not belong to it.
  void decide(Scenario& scenario, Diagnostics& diagnostics) const;

 private:
  std::array<Span, controller_names.size()> named_at_{};  ///< the first line that names it
};

}  // namespace ringside::script
