// Checks lines with a time, and lines that name what expectations skip.
#pragma once

#include "emu/script/source.h"
#include "emu/script/syntax.h"

namespace ringside::script {

/// Reports an `at` whose time has passed when its line is reached.
void check_times(const Scenario& scenario, Diagnostics& diagnostics);
/// Reports an `ignore` that affects no expectation.
void check_ignores(const Scenario& scenario, Diagnostics& diagnostics);

}  // namespace ringside::script
