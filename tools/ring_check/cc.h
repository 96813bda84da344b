// `ringside ring-check cc` and `c++`: compilers that make a ring's accesses visible to the checker.
#pragma once

#include "tools/command.h"

namespace ringside::tools {

/// Adds both under `ring_check`. A callback of its own must do nothing when one of them was chosen.
void add_ring_compiler_commands(CLI::App& ring_check, Session& session);

}  // namespace ringside::tools
