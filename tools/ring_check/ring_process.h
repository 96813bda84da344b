// The process in which rings are loaded. A file that is loaded may be broken, and what it runs as it is
// loaded may do anything; the process that the user has started loads none, and says what became of the one
// that does.
#pragma once

#include <functional>
#include <string>

#include "emu/base/check.h"

namespace ringside::tools {

/// Runs `what` in a process of its own, with the same stdout, and answers its status. The error says of which
/// file the process died or did not come back, when its status is not known.
[[nodiscard]] Result<int> in_ring_process(const std::function<int()>& what);

/// In that process: this file is loaded from here on; an empty path: it has been.
void note_loading(const std::string& path);

}  // namespace ringside::tools
