// --quirk on the command line, and the list of quirks.
#pragma once

#include <string>
#include <vector>

#include "emu/base/quirks.h"
#include "tools/command.h"

namespace ringside::tools {

/// Adds --quirk NAME, any number of times, for the quirks of `processes`. The parser checks the names.
void add_quirks(Command command, std::vector<std::string> processes, std::vector<std::string>& names);

/// Those of `names` that belong to `process`.
[[nodiscard]] Quirks quirks_of(const std::string& process, const std::vector<std::string>& names);
/// The same, as words of a command line.
[[nodiscard]] std::vector<std::string> quirk_words(const std::string& process,
                                                   const std::vector<std::string>& names);

}  // namespace ringside::tools
