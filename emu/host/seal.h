// What a process of a machine may still ask of Linux once it has started: a list of system calls (seccomp),
// no more privileges than it has (no_new_privs).
//
// The list is what the process needs from there on, its orderly end included; what it opens, maps or makes at
// its start is not in it. A call that is not listed is not made: the process says in its log which it was,
// and dies of SIGSYS. It does not fail with EPERM, because a process that is told so goes on in a state that
// nobody has thought of, and because a call that is missing here is a fault that should be seen.
//
// It holds for what the process forks, too, and for what that becomes; a guest's kernel is sealed when its
// program runs already, and the program is as it was.
#pragma once

#include <cstdint>
#include <string>

#include "emu/base/check.h"

namespace ringside {

/// Whose list it is. dom0's kernel has none: it starts programs as long as it lives.
enum class Sealed : std::uint8_t { xen, xcs, xend, xenctld, domu };

/// Whether this build has lists. Without libseccomp it has none, and under a sanitizer: that makes calls of
/// its own, and the more of them the worse the day. no_new_privs is set in any case.
[[nodiscard]] bool can_seal();

/// Once, by a process with one thread, as late as its start allows. `name` begins what it says when it makes
/// a call that is not listed. Fails where the kernel has no seccomp.
[[nodiscard]] Result<> seal(Sealed process, const std::string& name);

}  // namespace ringside
