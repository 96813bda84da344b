// A counterexample as a journal, so that every view of runs shows it: the front is dom1, the back is xcs, the
// ring is dom1.tx, whatever ring it really is; what has no place in that is told in words.
#pragma once

#include <map>

#include "emu/check/recording.h"
#include "emu/trace/journal_file.h"
#include "tools/ring_check/job.h"

namespace ringside::tools {

using SourcePlaces = std::map<const void*, RingPlugin::Place>;

/// The source lines of its steps, each once, in the order in which they come first; "" if none can be read.
[[nodiscard]] std::string source_text(const check::Recording& recording, const SourcePlaces& places);

/// `verdict`: what was wrong, as its report says it. A step of the report is an entry, or a few; a
/// microsecond apart. The line that a step stands in is the statement in force.
[[nodiscard]] trace::Journaled journal_of(const RingJob& job, const check::Recording& recording,
                                          const check::Space& space, const check::ReportAbout& about,
                                          const SourcePlaces& places, const std::string& verdict);

}  // namespace ringside::tools
