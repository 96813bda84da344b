// The newest entries as arrows between lanes, one row each, from the sender to the receiver. The names of the
// lanes are above them, and a few words are beside each arrow.
//
// Pure: reads a history, fills rows of a canvas.
#pragma once

#include <string>

#include "tools/watch/canvas.h"
#include "tools/watch/history.h"

namespace ringside::tools {

/// Fills the rows [first, end): a heading of one row, then entries. While it is paused, the selected step is
/// among them, and later steps are shown dimmed. `xenctld`: dom0 runs xenctld in place of xend and xcs.
void draw_lanes(Canvas& canvas, const WatchHistory& history, bool xenctld, std::size_t first,
                std::size_t end);

/// "rx[3] request 6 "hello\n"": the contents of an entry, without the sender and receiver that its arrow
/// shows.
[[nodiscard]] std::string few_words(const trace::Entry& entry);

}  // namespace ringside::tools
