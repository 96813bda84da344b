// The three parts of the catalogue's texts, which bugs.cc joins.
#pragma once

#include "emu/check/bugs.h"

namespace ringside::check {

/// Errors in the contents of slots, and in finding slots.
[[nodiscard]] std::span<const Bug> bugs_of_contents();
/// Errors in waking and attaching, and with several users of one end.
[[nodiscard]] std::span<const Bug> bugs_of_sleep();
/// Errors among threads that share no ring.
[[nodiscard]] std::span<const Bug> bugs_of_threads();

}  // namespace ringside::check
