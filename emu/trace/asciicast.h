// What a console showed, as an asciicast (version 2), which asciinema and its player replay: the bytes that
// came to a person's screen, with their times. The scenario's lines are its markers.
#pragma once

#include <string>
#include <vector>

#include "emu/trace/journal_file.h"

namespace ringside::trace {

inline constexpr unsigned asciicast_columns = 80;
inline constexpr unsigned asciicast_rows = 24;

/// The screens that a journal knows: "dom1", and "serial line" if somebody sat at it. In order of appearance.
[[nodiscard]] std::vector<std::string> screens_of(const Journaled& journal);

/// One of them. Where it says that nothing came for long, nothing came.
[[nodiscard]] std::string to_asciicast(const Journaled& journal, const std::string& screen);

}  // namespace ringside::trace
