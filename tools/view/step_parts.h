// Parts of pages about one step: its rings, and the step's place in the run. For slides, quizzes and sheets.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "emu/trace/hops.h"
#include "emu/trace/journal_file.h"
#include "emu/trace/replay.h"

namespace ringside::tools {

/// Rows of an HTML table, one for each ring of the domain that was used: its slots, with the one written at
/// `step` marked, and its indices behind them. Empty: no ring was used.
[[nodiscard]] std::string ring_rows(const trace::Replay& replay, std::uint32_t domain, std::uint64_t step);

/// The same in two parts, for narrow pages: the rows without the indices, and for each ring a paragraph
/// "dom1.tx: req_prod 3 rsp_prod 2".
[[nodiscard]] std::string slot_rows(const trace::Replay& replay, std::uint32_t domain, std::uint64_t step);
[[nodiscard]] std::string index_paragraphs(const trace::Replay& replay, std::uint32_t domain);

/// Whether the step is an effect of a line that boots a domain. These are the same in every run.
[[nodiscard]] bool boots_at(const trace::Journaled& journal, std::uint64_t step);

/// The hop of each step; null for a step that shows none.
[[nodiscard]] std::vector<const trace::Hop*> hops_of(const trace::Journaled& journal);

}  // namespace ringside::tools
