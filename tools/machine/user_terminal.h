// The user's terminal while it shows a console or a serial line: the key that leaves, and job control
// (SIGTSTP, SIGCONT).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "emu/host/linux_host.h"
#include "emu/host/linux_terminal.h"
#include "tools/command.h"

namespace ringside::tools {

/// --escape CHAR|none.
struct EscapeKey {
  std::string text = "^]";

  /// Empty if no key leaves.
  [[nodiscard]] std::optional<std::uint8_t> byte() const;
  /// The text that tells the user how to leave: "Ctrl-] leaves".
  [[nodiscard]] std::string advice() const;
};

void add_escape(Command command, EscapeKey& key);

/// Sets this terminal to raw mode. SIGTSTP restores it and stops the process; SIGCONT sets raw mode again and
/// calls `back`.
class UserTerminal {
 public:
  UserTerminal(LinuxHost& host, std::function<void()> back);
  ~UserTerminal();
  UserTerminal(const UserTerminal&) = delete;
  UserTerminal& operator=(const UserTerminal&) = delete;

 private:
  LinuxHost& host_;
  RawTerminal raw_{0};
};

}  // namespace ringside::tools
