// The newest entries as arrows between lanes, one row each: who hands what to whom. Above the lanes are their
// names, beside each arrow a few words.
//
// Pure: reads a history, fills rows of a canvas.
#pragma once

#include <string>

#include "tools/watch/canvas.h"
#include "tools/watch/history.h"

namespace ringside::tools {

/// Fills the rows [first, end): a heading of one row, then entries. While it stands still the step looked at
/// is among them, and what came later is there too, quietly.
/// `xenctld`: that it is what dom0 runs, in place of xend and xcs.
void draw_lanes(Canvas& canvas, const WatchHistory& history, bool xenctld, std::size_t first,
                std::size_t end);

/// "rx[3] request 6 "hello\n"": what an entry is about, when its arrow says between whom.
[[nodiscard]] std::string few_words(const trace::Entry& entry);

}  // namespace ringside::tools
