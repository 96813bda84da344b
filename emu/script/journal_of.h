// A run as a journal file: its entries, and between them which line of the scenario was in force, where its
// phases begin and what failed.
#pragma once

#include <iosfwd>

#include "emu/script/run.h"
#include "emu/trace/journal_file.h"

namespace ringside::script {

/// All but who made it.
[[nodiscard]] trace::JournalHeader journal_header(const Scenario& scenario, const Sources& sources,
                                                  const Story& story, std::uint64_t seed);

/// In the order in which they happened.
[[nodiscard]] std::vector<trace::JournalMark> journal_marks(const Scenario& scenario, const Sources& sources,
                                                            const Story& story);

/// The whole file.
void write_journal(std::ostream& file, const trace::JournalHeader& header, const Scenario& scenario,
                   const Sources& sources, const Story& story);

}  // namespace ringside::script
