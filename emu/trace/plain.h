// One plain sentence for each entry: what a teacher would say while pointing at it. text.h has the terse
// form.
#pragma once

#include <string>

#include "emu/trace/flow.h"
#include "emu/trace/replay.h"

namespace ringside::trace {

/// `replay` has taken the entry already; `flow` is what Flow said of it.
[[nodiscard]] std::string plain_sentence(const Entry& entry, const Replay& replay, const FlowStep& flow);

}  // namespace ringside::trace
