// Whether the lines of a run make sense among each other: is a domain there when it is named, can an event go
// where it is said to go, is a name given once. Each line alone is right already.
#pragma once

#include "emu/script/source.h"
#include "emu/script/syntax.h"

namespace ringside::script {

/// Reports into `diagnostics`, and settles the one thing that only all lines together say: who runs dom0's
/// end (Setup::controller).
void check(Scenario& scenario, Diagnostics& diagnostics);

}  // namespace ringside::script
