// The one usual way to lay out a scenario: what `ringside fmt` writes.
//
// Words are kept as they were written; only the space between them changes, and never what a line means.
// Formatting twice is formatting once.
#pragma once

#include <optional>
#include <string>

#include "emu/script/source.h"

namespace ringside::script {

/// Where comments behind a line begin if the line leaves them the room, counted from 0.
inline constexpr std::size_t comment_column = 49;

/// Nothing if a line cannot be read; what is wrong is then in `diagnostics`, with spans into `sources`.
[[nodiscard]] std::optional<std::string> format(const std::string& path, std::string_view text,
                                                Sources& sources, Diagnostics& diagnostics);

}  // namespace ringside::script
