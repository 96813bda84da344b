// Finds the console of a domain, and reports the end of its output.
#pragma once

#include "emu/host/linux_host.h"
#include "emu/trace/event.h"

namespace ringside::tools {

/// The console that a daemon serves for a domain.
struct ConsolePlace {
  std::string path;  ///< a socket, or a pty
  trace::Actor daemon = {};
  bool pty = false;
  bool viewed = false;   ///< another program is connected to it
  std::string attached;  ///< the file to which it is attached in place of its pty; else empty
};
/// `pty`: fails unless the console is a pty.
[[nodiscard]] Result<ConsolePlace> find_console(LinuxHost& host, const DomainInfo& info, bool pty);

/// Reports that stdout accepted no more of the console's output. Returns the exit status: that of SIGPIPE if
/// the reader of a pipe has gone, which is no error.
int output_gone(const LinuxHost& host);

}  // namespace ringside::tools
