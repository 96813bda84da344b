// The front door of the front end: a file in, its runs or everything that is wrong with it out.
//
//   script::Script read = script::read_script(path, reader);
//   const auto runs = script::runs_of(read, script::Mode::sim, {});
//   if (read.diagnostics.errors() != 0) show(read.diagnostics.text(read.sources));
//
// The script must outlive the runs wherever their spans are to be shown.
#pragma once

#include <vector>

#include "emu/script/check.h"
#include "emu/script/draft.h"
#include "emu/script/expand.h"

namespace ringside::script {

/// All runs of all scenarios of the file in that mode, checked. With errors among the diagnostics they are
/// not fit to be run.
[[nodiscard]] std::vector<Scenario> runs_of(Script& script, Mode mode, const Given& given);

/// Everything that can be said without running: errors and warnings of both modes. Answers how many runs
/// there are, in sim where the scenario allows it.
std::size_t check_all(Script& script);

}  // namespace ringside::script
