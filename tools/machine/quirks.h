// --quirk on the command line, and the list of quirks.
#pragma once

#include <string>
#include <vector>

#include "emu/base/quirks.h"
#include "tools/command.h"

namespace ringside::tools {

/// --quirk NAME, as often as wanted, for the quirks of `processes`. The names are checked while the command
/// line is parsed.
void add_quirks(Command command, std::vector<std::string> processes, std::vector<std::string>& names);

/// Of `names`, those that are `process`'s.
[[nodiscard]] Quirks quirks_of(const std::string& process, const std::vector<std::string>& names);
/// The same as words of a command line.
[[nodiscard]] std::vector<std::string> quirk_words(const std::string& process,
                                                   const std::vector<std::string>& names);

}  // namespace ringside::tools
