// A journal as a Chrome trace, JSON that Perfetto (ui.perfetto.dev) and chrome://tracing load. It has a track
// for each actor, a short slice for each entry (marks without a length are hard to click on there), counters
// for the outstanding requests of every ring, and one sort of arrow: from an event to the upcall that takes
// it.
//
// Times are microseconds since the journal's first entry. `args.step` is the step number of every other view.
#pragma once

#include <string>

#include "emu/trace/journal_file.h"

namespace ringside::trace {

[[nodiscard]] std::string to_perfetto(const Journaled& journal);

}  // namespace ringside::trace
