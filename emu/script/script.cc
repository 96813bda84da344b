// Reads, expands and checks, one after the other.
#include "emu/script/script.h"

#include "emu/script/domain_states.h"
#include "emu/script/ended.h"
#include "emu/script/possible.h"
#include "emu/script/timing.h"

namespace ringside::script {

namespace {

void check_lines(Scenario& run, Diagnostics& diagnostics) {
  check(run, diagnostics);
  check_possible(run, diagnostics);
  check_ended(run, diagnostics);
  check_domain_states(run, diagnostics);
  check_times(run, diagnostics);
  check_ignores(run, diagnostics);
}

}  // namespace

std::vector<Scenario> runs_of(Script& script, Mode mode, const Given& given) {
  std::vector<Scenario> all;
  if (script.lines_missing) return all;
  for (const ScenarioTemplate& scenario_template : script.templates) {
    for (Scenario& run : expand(scenario_template, mode, given, script.diagnostics)) {
      check_lines(run, script.diagnostics);
      all.push_back(std::move(run));
    }
  }
  return all;
}

std::size_t check_all(Script& script) {
  std::size_t count = 0;
  if (script.lines_missing) return count;
  for (const ScenarioTemplate& scenario_template : script.templates) {
    std::size_t of_draft = 0;
    for (const Mode mode : {Mode::sim, Mode::real}) {
      auto runs = expand(scenario_template, mode, {}, script.diagnostics);
      for (Scenario& run : runs) {
        check_lines(run, script.diagnostics);
      }
      of_draft = std::max(of_draft, runs.size());
    }
    count += of_draft;
    // A misspelt name would be reported twice: as unknown, and as unused.
    if (script.diagnostics.errors() == 0) warn_of_unused(scenario_template, script.diagnostics);
  }
  return count;
}

}  // namespace ringside::script
