// Which pairs of actors are connected.
#pragma once

#include "emu/script/syntax.h"

namespace ringside::script {

/// Whether events pass from one to the other.
[[nodiscard]] bool events_pass(const Actor& from, const Actor& to);
/// Whether messages, frames or bytes pass from one to the other.
[[nodiscard]] bool messages_pass(const Actor& from, const Actor& to);

}  // namespace ringside::script
