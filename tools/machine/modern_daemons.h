// Today's daemons of dom0 on a machine of ringside: Debian's own programs, with the drop-in libraries of
// tools/modern in place of those that need Xen.
#pragma once

#include <string>

#include "emu/host/hypercall.h"
#include "emu/host/linux_host.h"

namespace ringside::tools {

/// Debian's folder of Xen's programs. ENOENT: the package is not installed.
[[nodiscard]] Result<std::string> xen_programs_folder();

/// Sets this process's environment, so that the programs that it becomes or starts find the machine, its
/// store, the drop-in libraries, and Xen's programs first in PATH. With `domain`, they are processes of that
/// domain: it is the domain of their handles, and they are paused, and end, with it.
[[nodiscard]] Result<> enter_modern_environment(const Machine& machine, DomainId domain = 0);

/// Starts those of the two daemons that do not run, and returns when xenstored answers. `dies_with_us`: they
/// end with this process.
[[nodiscard]] Result<> start_modern_daemons(LinuxHost& host, bool dies_with_us = false);
/// The same, and starts the toolstack's process for domains of today.
[[nodiscard]] Result<> start_modern_toolstack(LinuxHost& host, bool dies_with_us);

/// Becomes that daemon, in the foreground. Returns only with an error.
[[nodiscard]] Error become_xenstored(const Machine& machine);
[[nodiscard]] Error become_xenconsoled(const Machine& machine);

}  // namespace ringside::tools
