// The console of a domain, as those find it who connect to it.
#pragma once

#include "emu/host/linux_host.h"

namespace ringside::tools {

/// Opens the console that the running daemon keeps for the domain. `pty`: it must be a pty.
[[nodiscard]] Result<Handle> find_console(LinuxHost& host, DomainId domain, bool pty);

}  // namespace ringside::tools
