// The classes of the catalogue (emu/check/bugs.h) to which a counterexample may belong.
#pragma once

#include <cstdint>
#include <vector>

#include "emu/check/recording.h"
#include "tools/ring_check/job.h"

namespace ringside::tools {

/// The numbers of the classes that lead to such an execution, the most probable first. Empty: the error says
/// which promise was broken, and no class follows from the order of the steps.
[[nodiscard]] std::vector<std::uint32_t> bug_classes_of(const RingJob& job, const check::Recording& recording,
                                                        const check::ReportAbout& about);

}  // namespace ringside::tools
