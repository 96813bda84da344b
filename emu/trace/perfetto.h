// A journal as a Chrome trace, JSON that Perfetto (ui.perfetto.dev) and chrome://tracing load: a track for
// everybody, a short slice for each entry (marks without a length are hard to hit there), counters for what
// is outstanding in every ring, and few arrows: from an event to the upcall that takes it, and no others.
//
// Times are microseconds since the journal's first entry. `args.step` is the number in every other view.
#pragma once

#include <string>

#include "emu/trace/journal_file.h"

namespace ringside::trace {

[[nodiscard]] std::string to_perfetto(const Journaled& journal);

}  // namespace ringside::trace
