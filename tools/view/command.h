// Journal files as commands find them.
#pragma once

#include <string>

#include "emu/trace/journal_file.h"

namespace ringside::tools {

/// The journal in that file; "-" is stdin. EINVAL: it is none.
[[nodiscard]] Result<trace::Journaled> read_journal_file(const std::string& path);

}  // namespace ringside::tools
