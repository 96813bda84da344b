// A counterexample as a journal, for every view of runs: the front is dom1, the back is xcs, and any ring is
// dom1.tx; other operations are text.
#pragma once

#include <map>

#include "emu/check/recording.h"
#include "emu/trace/journal_file.h"
#include "tools/ring_check/job.h"

namespace ringside::tools {

using SourcePlaces = std::map<const void*, RingPlugin::Place>;

/// "ring.c:31", without the function into which it was inlined.
[[nodiscard]] std::string line_of(const RingPlugin::Place& place);

/// The source lines of its steps, each once, in the order of their first step; "" if none can be read.
[[nodiscard]] std::string source_text(const check::Recording& recording, const SourcePlaces& places);

/// `verdict`: the error, as in its report. A step of the report is one entry or a few; entries are a
/// microsecond apart. The source line of a step is the statement in force.
[[nodiscard]] trace::Journaled journal_of(const RingJob& job, const check::Recording& recording,
                                          const check::Space& space, const check::ReportAbout& about,
                                          const SourcePlaces& places, const std::string& verdict);

}  // namespace ringside::tools
