// The process in which rings are loaded. A loaded file may be broken, and its constructors may do anything;
// the user's process loads none, and reports what happened to the process that does.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "emu/base/check.h"

namespace ringside::tools {

/// Loading takes milliseconds.
inline constexpr std::chrono::milliseconds ring_load_patience{60'000};

/// Runs `what` in a separate process, with the same stdout, and returns its status. Without a status, the
/// error names the file that ended the process, or that was not loaded within `patience`. `interrupted` is
/// asked now and then in both processes: the signal that should end the work, or 0.
[[nodiscard]] Result<int> in_ring_process(
    const std::function<int()>& what, std::chrono::milliseconds patience = ring_load_patience,
    const std::function<int()>& interrupted = [] { return 0; });

/// In that process: the signal that this process or the one that waits for it has received, or 0.
[[nodiscard]] int ring_interruption();

/// In that process: loading of this file begins; an empty path: it has ended.
void note_loading(const std::string& path);

}  // namespace ringside::tools
