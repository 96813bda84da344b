// What console data cost on their way, counted in two journals: in 2005, and today.
#pragma once

#include <string>

#include "emu/trace/journal_file.h"

namespace ringside::tools {

/// A table in text: one line for each kind of work. The journals are of the same keys.
[[nodiscard]] std::string cost_table(const trace::Journaled& then, const trace::Journaled& now);

}  // namespace ringside::tools
