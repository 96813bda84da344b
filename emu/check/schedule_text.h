// A schedule as a string for a command line: "A12B3aB=2" is twelve steps of the first fiber, three of the
// second, one flush of the first one's store buffer, and one step of the second that takes its choice number
// 2 (of a load: the value two stores older than the newest).
#pragma once

#include <string>
#include <string_view>

#include "emu/base/check.h"
#include "emu/check/explore.h"

namespace ringside::check {

[[nodiscard]] std::string to_text(const Schedule& schedule);
[[nodiscard]] Result<Schedule> schedule_from(std::string_view text);

}  // namespace ringside::check
