// Lines that can never hold, whatever happens, and lines that always do.
#pragma once

#include "emu/script/source.h"
#include "emu/script/syntax.h"

namespace ringside::script {

/// Reports into `diagnostics`. What a page says of its indices is not judged in a scenario that sets them by
/// hand or has a quirk on: there they may say anything.
void check_possible(const Scenario& scenario, Diagnostics& diagnostics);

}  // namespace ringside::script
