// A journal as a table for diff and grep: one line for each entry.
//
//        time   step   from -> to            ring                what
//       0.022     51   xcs -> dom1           rx #....... 0/8     slot 0 REQUEST dom:1 type:(0,0) len 3 "ls\n"
//       0.030     52 ! xen                                       says: fault: its event to dom1 is lost
//
// The mark before `from`: ! lost or refused, ~ late or overtaken, 2 duplicated, * a historic quirk. The
// scenario's lines are between the entries, with their numbers: "line 12  user types ...". `cut -c19-`
// removes the columns that depend on time.
#pragma once

#include <cstdint>
#include <string>

#include "emu/trace/journal_file.h"
#include "emu/trace/replay.h"

namespace ringside::trace {

/// The heading of the columns.
[[nodiscard]] std::string table_heading();

/// An entry's line, without a newline. `replay` must have taken the entry already.
[[nodiscard]] std::string table_line(std::uint64_t step, const Entry& entry, std::uint64_t origin_ns,
                                     const Replay& replay);

/// Where a mark is: "line 7", or "ring.c:12"; empty if it has no line.
[[nodiscard]] std::string place_of(const JournalMark& mark);
/// "line 7: user types \"a\""
[[nodiscard]] std::string place_and_text(const JournalMark& mark);

/// The line of a mark, which is printed between entries.
[[nodiscard]] std::string table_line(const JournalMark& mark);

}  // namespace ringside::trace
