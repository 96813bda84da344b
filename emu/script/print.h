// Prints a concrete scenario: names are replaced by values, repeats are written out. Parsing the text gives
// the same statements.
#pragma once

#include <string>
#include <string_view>

#include "emu/script/syntax.h"

namespace ringside::script {

/// The whole scenario, as a file.
[[nodiscard]] std::string written(const Scenario& scenario);
/// A line, or a block of lines, without a newline at the end.
[[nodiscard]] std::string written(const Statement& statement);
[[nodiscard]] std::string written(const Pattern& pattern);
/// "1.5ms"; exact.
[[nodiscard]] std::string written(Duration duration);
/// `bytes` between quotes, escaped where necessary.
[[nodiscard]] std::string written_text(std::string_view bytes);

}  // namespace ringside::script
