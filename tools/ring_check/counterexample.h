// A counterexample as a journal, so that every view of runs shows it: the front is dom1, the back is xcs, the
// ring is dom1.tx, whatever ring it really is; what has no place in that is told in words.
#pragma once

#include "emu/check/recording.h"
#include "emu/trace/journal_file.h"
#include "tools/ring_check/job.h"

namespace ringside::tools {

/// `verdict`: what was wrong, as its report says it. A step of the report is an entry, or a few; a
/// microsecond apart.
[[nodiscard]] trace::Journaled journal_of(const RingJob& job, const check::Recording& recording,
                                          const check::Space& space, const check::ReportAbout& about,
                                          const check::Locate& locate, const std::string& verdict);

}  // namespace ringside::tools
