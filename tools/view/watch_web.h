// watch --web as a command.
#pragma once

#include "tools/command.h"

namespace ringside::tools {

void add_watch_web_command(CLI::App& app, Session& session);

}  // namespace ringside::tools
