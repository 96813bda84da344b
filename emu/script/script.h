// The entry point of the front end: from a file to its runs, or to all of its errors.
//
//   script::Script read = script::read_script(path, reader);
//   const auto runs = script::runs_of(read, script::Mode::sim, {});
//   if (read.diagnostics.errors() != 0) show(read.diagnostics.text(read.sources));
//
// The script must outlive all uses of the runs' spans.
#pragma once

#include <vector>

#include "emu/script/check.h"
#include "emu/script/expand.h"
#include "emu/script/scenario_template.h"

namespace ringside::script {

/// All runs of all scenarios of the file in that mode, checked. If there are errors among the diagnostics,
/// the runs must not be used.
[[nodiscard]] std::vector<Scenario> runs_of(Script& script, Mode mode, const Given& given);

/// Reports all errors and warnings of both modes, without running. Returns the number of runs, in sim where
/// the scenario allows it.
std::size_t check_all(Script& script);

}  // namespace ringside::script
