// The built-in shell: a small program to talk to when nothing else is installed, and to teach with.
//
// It is a plain program that runs on the guest's terminal like any other: it knows its two streams and what
// it is told about its domain, and nothing of rings, ports or hosts. Line editing and echo are the
// terminal's.
#pragma once

#include <iosfwd>
#include <string>

namespace ringside::domu {

/// What the shell can say about where it runs.
struct ShellInfo {
  std::string domain_name = "domU";
  unsigned domain = 0;
  unsigned console_port = 1;
  std::string layout = "sring";
};

/// Prompts, reads and obeys until `exit` or the end of `in`. Answers the exit status: exit's argument, else
/// 0.
int shell_main(std::istream& in, std::ostream& out, const ShellInfo& info);

}  // namespace ringside::domu
