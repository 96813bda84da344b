// A concrete scenario as text again: what is left when values stand where names stood and repeats are written
// out. Reading it back gives the same statements.
#pragma once

#include <string>
#include <string_view>

#include "emu/script/syntax.h"

namespace ringside::script {

/// The whole of it, as a file.
[[nodiscard]] std::string written(const Scenario& scenario);
/// A line, or a block of them; without a newline at the end.
[[nodiscard]] std::string written(const Statement& statement);
[[nodiscard]] std::string written(const Pattern& pattern);
/// "1.5ms": exact.
[[nodiscard]] std::string written(Duration duration);
/// `bytes` between quotes, with what needs it escaped.
[[nodiscard]] std::string written_text(std::string_view bytes);

}  // namespace ringside::script
