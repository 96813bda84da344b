// Opens the console of a domain.
#pragma once

#include "emu/host/linux_host.h"

namespace ringside::tools {

/// Opens the console that the running daemon serves for the domain. `pty`: fails unless it is a pty.
[[nodiscard]] Result<Handle> find_console(LinuxHost& host, DomainId domain, bool pty);

}  // namespace ringside::tools
