// Checks acts against the state of their domain: running, suspended, destroyed.
#pragma once

#include "emu/script/source.h"
#include "emu/script/syntax.h"

namespace ringside::script {

/// Reports acts that the state of a domain excludes: it runs already, it is suspended, its page is gone.
void check_domain_states(const Scenario& scenario, Diagnostics& diagnostics);

}  // namespace ringside::script
