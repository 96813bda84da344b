// The three parts of the catalogue's texts, for bugs.cc to put together.
#pragma once

#include "emu/check/bugs.h"

namespace ringside::check {

/// What goes wrong with what is in the slots, and with finding them.
[[nodiscard]] std::span<const Bug> bugs_of_contents();
/// What goes wrong with waking, attaching, and several who do one thing.
[[nodiscard]] std::span<const Bug> bugs_of_sleep();
/// What goes wrong among threads that share no ring.
[[nodiscard]] std::span<const Bug> bugs_of_threads();

}  // namespace ringside::check
