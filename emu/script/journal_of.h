// A run as a journal file: its entries, and marks between them for the scenario's lines, its phases, its
// faults and its failures.
#pragma once

#include "emu/script/run.h"
#include "emu/trace/journal_file.h"

namespace ringside::script {

/// `made_by`: "ringside 0.1.0".
[[nodiscard]] trace::Journaled journal_of(const Scenario& scenario, const Sources& sources,
                                          const RunRecord& record, std::uint64_t seed, std::string made_by);

}  // namespace ringside::script
