// The options of a serial line, for `xen` and for `up`, which passes them on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "emu/host/linux_host.h"
#include "emu/xen/serial_console.h"
#include "tools/command.h"

namespace ringside::tools {

/// The far end of com1 and its settings, as given on the command line.
struct SerialSpec {
  std::string com1 = "pty";  ///< pty, none, stdio, unix:PATH
  std::uint32_t bits_per_second = 0;
  std::string conswitch{xen::conswitch_default};
};

/// Adds --com1, --com1-speed and --conswitch. `stdio`: whether --com1 may be stdio.
void add_serial_options(Command command, SerialSpec& spec, bool stdio);
/// The options as command line words.
[[nodiscard]] std::vector<std::string> serial_words(const SerialSpec& spec);
/// The options for the hypervisor. Fails if stdin or stdout cannot be used.
[[nodiscard]] Result<xen::SerialConsoleOptions> serial_options(LinuxHost& host, const SerialSpec& spec);

}  // namespace ringside::tools
