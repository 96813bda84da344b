// The options of a serial line, for `xen` and for `up`, which passes them on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "emu/host/linux_host.h"
#include "emu/xen/serial_console.h"
#include "tools/command.h"

namespace ringside::tools {

/// The far end of com1 in words.
struct SerialSpec {
  std::string com1 = "pty";  ///< pty, none, stdio, unix:PATH
  std::uint32_t bits_per_second = 0;
  std::string conswitch{xen::conswitch_default};
};

/// --com1, --com1-speed, --conswitch. `stdio`: whether that is one of the choices.
void add_serial_options(Command command, SerialSpec& spec, bool stdio);
/// The same as command line words.
[[nodiscard]] std::vector<std::string> serial_words(const SerialSpec& spec);
/// As the hypervisor takes them. Fails where stdin or stdout cannot be used.
[[nodiscard]] Result<xen::SerialConsoleOptions> serial_options(LinuxHost& host, const SerialSpec& spec);

}  // namespace ringside::tools
