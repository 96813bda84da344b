// One plain sentence for each entry, as a teacher would explain it. text.h has the terse form.
#pragma once

#include <string>

#include "emu/trace/flow.h"
#include "emu/trace/replay.h"

namespace ringside::trace {

/// `replay` must have taken the entry already; `flow` is what Flow returned for it.
[[nodiscard]] std::string plain_sentence(const Entry& entry, const Replay& replay, const FlowStep& flow);

}  // namespace ringside::trace
