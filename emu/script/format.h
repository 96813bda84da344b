// The standard layout of a scenario, which `ringside fmt` writes.
//
// Words are kept as they were written. Only the space between them changes, which has no meaning. Formatting
// a formatted file changes nothing.
#pragma once

#include <optional>
#include <string>

#include "emu/script/source.h"

namespace ringside::script {

/// The column at which a comment after a line begins if the line is short enough, counted from 0.
inline constexpr std::size_t comment_column = 49;

/// Empty if a line is invalid; `diagnostics` then has the errors, with spans into `sources`.
[[nodiscard]] std::optional<std::string> format(const std::string& path, std::string_view text,
                                                Sources& sources, Diagnostics& diagnostics);

}  // namespace ringside::script
