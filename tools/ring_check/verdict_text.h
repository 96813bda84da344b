// A verdict as text, for the pipe from the process that has tried a ring.
#pragma once

#include <string>

#include "tools/ring_check/job.h"

namespace ringside::tools {

[[nodiscard]] std::string to_text(const RingVerdict& verdict);
/// Lines that it does not know are left out. Of an empty text, the verdict is "could not".
[[nodiscard]] RingVerdict from_text(const std::string& text);

}  // namespace ringside::tools
