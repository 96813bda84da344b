// The system calls that a process of a machine may make after its start: a list (seccomp), and no more
// privileges than it has (no_new_privs).
//
// The list has the calls that the process needs after its start, including those for an orderly end. Calls
// that only its start needs, to open or map files, are not in it. A call that is not listed is not carried
// out: the process names the call in its log, and dies of SIGSYS. It does not fail with EPERM, because the
// process would then continue in a state that the code does not expect, and because a call that is missing in
// the list is a bug that should be seen.
//
// The list also holds for processes that it forks, and for the programs they become. A guest's kernel is
// sealed when its program runs already, and the program is not sealed.
#pragma once

#include <cstdint>
#include <string>

#include "emu/base/check.h"

namespace ringside {

/// Which list. dom0's kernel has none: it starts programs as long as it lives. `xcs_early` is xcs with early
/// answers, which keeps files.
enum class Sealed : std::uint8_t { xen, xcs, xcs_early, xend, xenctld, xenconsoled, domu };

/// Whether this build has lists. It has none without libseccomp, and none under a sanitizer, which makes
/// calls of its own that depend on its reports. no_new_privs is set in any case.
[[nodiscard]] bool can_seal();

/// Called once, by a process with one thread, as late as its start allows. `name` begins its message about a
/// call that is not listed. Fails if the kernel has no seccomp.
[[nodiscard]] Result<> seal(Sealed process, const std::string& name);

}  // namespace ringside
