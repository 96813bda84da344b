// Whether the lines of a run are consistent: a domain exists when it is named, an event can pass between its
// two ends, a name is given once. Each line alone was checked by the parser.
#pragma once

#include "emu/script/source.h"
#include "emu/script/syntax.h"

namespace ringside::script {

/// Reports into `diagnostics`. Sets Setup::controller, the program at dom0's end, which depends on all lines.
void check(Scenario& scenario, Diagnostics& diagnostics);

}  // namespace ringside::script
