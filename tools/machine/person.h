// A person at a terminal that has become another machine's: how to leave it, and how to stop and go on in the
// shell that started it.
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

  /// Nothing: no key leaves.
  [[nodiscard]] std::optional<std::uint8_t> byte() const;
  /// How one leaves, for the person's eyes: "Ctrl-] leaves".
  [[nodiscard]] std::string advice() const;
};

void add_escape(Command command, EscapeKey& key);

/// This terminal, raw. SIGTSTP gives it back as it was and stops the process; SIGCONT takes it again and
/// calls `back`.
class PersonsTerminal {
 public:
  PersonsTerminal(LinuxHost& host, std::function<void()> back);
  ~PersonsTerminal();
  PersonsTerminal(const PersonsTerminal&) = delete;
  PersonsTerminal& operator=(const PersonsTerminal&) = delete;

 private:
  LinuxHost& host_;
  RawTerminal raw_{0};
};

}  // namespace ringside::tools
