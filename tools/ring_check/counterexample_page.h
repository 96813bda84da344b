// A counterexample as data of the replay page, in the ring's own words: its ends, its shared words and slots,
// store buffers, source lines, the error, the classes of bugs that lead to it, and the command that repeats
// it.
#pragma once

#include <string>

#include "emu/check/recording.h"
#include "tools/ring_check/counterexample.h"

namespace ringside::tools {

/// An object as tools/page/README.md describes it. `verdict`: the error; `replay`: the string for --replay.
[[nodiscard]] std::string counterexample_page_data(const RingJob& job, const check::Recording& recording,
                                                   const check::Space& space, const check::ReportAbout& about,
                                                   const SourcePlaces& places, const std::string& verdict,
                                                   const std::string& replay);

}  // namespace ringside::tools
