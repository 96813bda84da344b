// Scenario files on the command line: how they are opened, and the commands that look at them only.
#pragma once

#include <string>

#include "emu/script/source.h"
#include "tools/command.h"

namespace ringside::tools {

inline constexpr int exit_does_not_parse = 2;

/// Opens files as they are named, "-" being stdin; refuses what is no file or too large for a scenario.
[[nodiscard]] script::Reader file_reader();

void add_script_file_commands(Command app, Session& session);  // check-scn, fmt

}  // namespace ringside::tools
