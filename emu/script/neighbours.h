// Between whom anything can pass.
#pragma once

#include "emu/script/syntax.h"

namespace ringside::script {

/// Whether events pass between the two, in this direction.
[[nodiscard]] bool events_pass(const Actor& from, const Actor& to);
/// Whether messages, frames or bytes do.
[[nodiscard]] bool messages_pass(const Actor& from, const Actor& to);

}  // namespace ringside::script
