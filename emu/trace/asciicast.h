// What a console showed, as an asciicast (version 2), which asciinema and its player replay: the bytes that
// were shown on a user's screen, with their times. The scenario's lines are its markers.
#pragma once

#include <string>
#include <vector>

#include "emu/trace/journal_file.h"

namespace ringside::trace {

inline constexpr unsigned asciicast_columns = 80;
inline constexpr unsigned asciicast_rows = 24;

/// The screens in a journal: "dom1", and "serial line" if a user was connected to it. In order of appearance.
[[nodiscard]] std::vector<std::string> screens_of(const Journaled& journal);

/// One of the screens. A long pause in it is a real pause.
[[nodiscard]] std::string to_asciicast(const Journaled& journal, const std::string& screen);

}  // namespace ringside::trace
