// Finds lines that need something that an earlier line has ended: a user's typing, a guest's program, a
// process of dom0, a pty, the connections of a client.
#pragma once

#include "emu/script/source.h"
#include "emu/script/syntax.h"

namespace ringside::script {

/// Reports into `diagnostics` each act that is impossible after such an end, and each `expect no` that holds
/// only because the observer has left. check.h covers acts of domains that are gone, and of users that have
/// left. An end that no line of the scenario states is not detected.
///
/// An `expect` is no error: it searches from what earlier lines have consumed, so the entries that it needs
/// may be older than the end.
void check_ended(const Scenario& scenario, Diagnostics& diagnostics);

}  // namespace ringside::script
