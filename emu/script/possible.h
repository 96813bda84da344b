// Finds lines that can never hold, and lines that always hold.
#pragma once

#include "emu/script/source.h"
#include "emu/script/syntax.h"

namespace ringside::script {

/// Reports into `diagnostics`. Indices are not checked in a scenario that sets them directly or turns on a
/// quirk: they can have any value there.
void check_possible(const Scenario& scenario, Diagnostics& diagnostics);

}  // namespace ringside::script
