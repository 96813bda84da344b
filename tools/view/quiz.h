// A quiz made of a run: what comes next, and what the indices and slots are then. One HTML file, which needs
// nothing else.
#pragma once

#include <cstdint>
#include <string>

#include "emu/trace/journal_file.h"

namespace ringside::tools {

inline constexpr std::size_t quiz_questions_max = 10;

struct Quiz {
  std::string page;
  std::size_t questions = 0;  ///< 0: the run has nothing to ask about, and the page is empty
  std::size_t askable = 0;    ///< how many could be asked, including these
};

/// The questions and their right answers follow from the journal; `number` chooses among all that there are.
/// The answers are in the page, encoded: its script needs them, and a reader of the source can find them.
[[nodiscard]] Quiz quiz_of(const trace::Journaled& journal, std::uint32_t number);

}  // namespace ringside::tools
