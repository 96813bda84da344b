// The built-in shell: a small program for a guest without other programs, and for teaching.
//
// It is a plain program that runs on the guest's terminal like any other: it uses its two streams and data
// about its domain, and does not use rings, ports or hosts. The terminal does the line editing and the echo.
#pragma once

#include <iosfwd>
#include <string>

namespace ringside::domu {

/// What the shell can print about its domain.
struct ShellInfo {
  std::string domain_name = "domU";
  unsigned domain = 0;
  unsigned console_port = 1;
  std::string layout = "sring";  ///< of its page; "today": its console is today's
};

/// Prompts, reads and runs commands until `exit` or the end of `in`. Returns the exit status: exit's
/// argument, else 0.
int shell_main(std::istream& in, std::ostream& out, const ShellInfo& info);

}  // namespace ringside::domu
