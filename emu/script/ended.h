// Lines about what an earlier line has ended: the typing of a user, the program of a guest, a process of
// dom0, a pty, the connections of a client.
#pragma once

#include "emu/script/source.h"
#include "emu/script/syntax.h"

namespace ringside::script {

/// Reports into `diagnostics` each act that cannot be done any more, and each `expect no` that holds only
/// because the observer has left. check.h covers acts of domains that are gone and of users who have left.
/// An end without a line of its own is not detected.
///
/// An `expect` is no error: it looks from what earlier lines have consumed on, so what it is about may have
/// been seen before the end.
void check_ended(const Scenario& scenario, Diagnostics& diagnostics);

}  // namespace ringside::script
