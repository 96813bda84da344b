// Scenario files on the command line: how they are opened, and the commands that only read or format them.
#pragma once

#include <string>

#include "emu/script/source.h"
#include "tools/command.h"
#include "tools/in_file.h"

namespace ringside::tools {

inline constexpr int exit_does_not_parse = 2;

/// Opens files by name, and with Streams::handed "-" for stdin. Refuses what is not a file or is too large
/// for a scenario.
[[nodiscard]] script::Reader file_reader(Streams streams = Streams::handed);

void add_script_file_commands(Command app, Session& session);  // check-scn, fmt

}  // namespace ringside::tools
