// A run as slides for a lecture: one HTML file, which needs nothing else.
#pragma once

#include <cstdint>
#include <string>

#include "emu/trace/journal_file.h"

namespace ringside::tools {

/// A title, then a slide for each hop and each loss in the sequence diagram of the steps [first, last]: what
/// has happened since the last line of the scenario, the meaning of the hop, and the rings after it. With
/// `first` 0 it begins where the scenario does. Without a script, and on paper, the slides follow each other.
[[nodiscard]] std::string slides_page(const trace::Journaled& journal, std::uint64_t first,
                                      std::uint64_t last);

}  // namespace ringside::tools
