// Reads journal files for commands.
#pragma once

#include <string>

#include "emu/trace/journal_file.h"

namespace ringside::tools {

/// The journal in that file; "-" is stdin. EINVAL: it is not a journal.
[[nodiscard]] Result<trace::Journaled> read_journal_file(const std::string& path);

}  // namespace ringside::tools
