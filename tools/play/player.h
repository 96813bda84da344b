// The process that runs one scenario for the server of `ringside play`. It ends with its answer.
//
// A request is three parts: a line with the seed (empty: the scenario's own), a line with the name of the run
// (empty, or no run's name: the first), and the text of the scenario. The answer is an object of JSON in one
// line, and after it the replay page, if the scenario has run. tools/play/README.md has the fields.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/command.h"

namespace ringside::tools {

/// The arguments of a player. `path` is the scenario's file, in whose folder its includes are; empty: there
/// is none.
[[nodiscard]] std::vector<std::string> player_arguments(const std::string& path, double timeout_s);

/// The answer if nothing has run.
[[nodiscard]] std::string not_played(std::string_view why);

void add_player_command(Command app, Session& session);

}  // namespace ringside::tools
