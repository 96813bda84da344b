// The process in which rings are loaded. A file that is loaded may be broken, and what it runs as it is
// loaded may do anything; the process that the user has started loads none, and says what became of the one
// that does.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "emu/base/check.h"

namespace ringside::tools {

/// Loading takes milliseconds.
inline constexpr std::chrono::milliseconds ring_load_patience{60'000};

/// Runs `what` in a process of its own, with the same stdout, and answers its status. The error says of which
/// file the process died, or that it did not come back from loading it within `patience`, when its status is
/// not known.
[[nodiscard]] Result<int> in_ring_process(const std::function<int()>& what,
                                          std::chrono::milliseconds patience = ring_load_patience);

/// In that process: this file is loaded from here on; an empty path: it has been.
void note_loading(const std::string& path);

}  // namespace ringside::tools
