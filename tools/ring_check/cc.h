// `ringside ring-check cc` and `c++`: compilers that make a ring's accesses visible to the checker.
#pragma once

#include "tools/command.h"

namespace ringside::tools {

/// Adds both commands under `ring_check`. A chosen one stores its work in `session` before the callback of
/// `ring_check` is called.
void add_ring_compiler_commands(Command ring_check, Session& session);

}  // namespace ringside::tools
