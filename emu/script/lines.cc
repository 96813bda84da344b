// Visits the lines of a scenario, also within blocks.
#include "emu/script/lines.h"

namespace ringside::script {

namespace {

/// `Its` is Statement or const Statement.
template <class Its>
void gather_lines(auto& statements, std::vector<Its*>& lines) {
  for (Its& each : statements) {
    if (auto* block = std::get_if<Together>(&each.what)) {
      gather_lines(block->statements, lines);
    } else {
      lines.push_back(&each);
    }
  }
}

std::size_t erase_in(std::vector<Statement>& statements,
                     const std::function<bool(const Statement&)>& is_wanted) {
  std::size_t erased = 0;
  for (Statement& each : statements) {
    if (auto* block = std::get_if<Together>(&each.what)) erased += erase_in(block->statements, is_wanted);
  }
  std::erase_if(statements, [&](const Statement& each) {
    if (const auto* block = std::get_if<Together>(&each.what)) return block->statements.empty();
    const bool goes = is_wanted(each);
    erased += goes ? 1 : 0;
    return goes;
  });
  return erased;
}

}  // namespace

LineId id_of(const Statement& statement) {
  return {statement.span, statement.round};
}

std::vector<Statement*> lines_of(Scenario& scenario) {
  std::vector<Statement*> lines;
  gather_lines(scenario.statements, lines);
  return lines;
}

std::vector<const Statement*> lines_of(const Scenario& scenario) {
  std::vector<const Statement*> lines;
  gather_lines(scenario.statements, lines);
  return lines;
}

const Statement* find_line(const Scenario& scenario, const LineId& line) {
  for (const Statement* each : lines_of(scenario)) {
    if (id_of(*each) == line) return each;
  }
  return nullptr;
}

std::size_t erase_lines(Scenario& scenario, const std::function<bool(const Statement&)>& is_wanted) {
  return erase_in(scenario.statements, is_wanted);
}

}  // namespace ringside::script
