// Walks through the blocks of a scenario.
#include "emu/script/lines.h"

namespace ringside::script {

namespace {

void gather(std::vector<Statement>& statements, std::vector<Statement*>& lines) {
  for (Statement& each : statements) {
    if (auto* block = std::get_if<Together>(&each.what)) {
      gather(block->statements, lines);
    } else {
      lines.push_back(&each);
    }
  }
}

std::size_t erase(std::vector<Statement>& statements,
                  const std::function<bool(const Statement&)>& is_wanted) {
  std::size_t erased = 0;
  std::erase_if(statements, [&](Statement& each) {
    if (auto* block = std::get_if<Together>(&each.what)) {
      erased += erase(block->statements, is_wanted);
      return block->statements.empty();
    }
    const bool goes = is_wanted(each);
    erased += goes ? 1 : 0;
    return goes;
  });
  return erased;
}

const Statement* find(const std::vector<Statement>& statements, const LineId& line) {
  for (const Statement& each : statements) {
    const auto* block = std::get_if<Together>(&each.what);
    if (block == nullptr && id_of(each) == line) return &each;
    const Statement* inside = block == nullptr ? nullptr : find(block->statements, line);
    if (inside != nullptr) return inside;
  }
  return nullptr;
}

}  // namespace

LineId id_of(const Statement& statement) {
  return {statement.span, statement.round};
}

std::vector<Statement*> lines_of(Scenario& scenario) {
  std::vector<Statement*> lines;
  gather(scenario.statements, lines);
  return lines;
}

const Statement* find_line(const Scenario& scenario, const LineId& line) {
  return find(scenario.statements, line);
}

std::size_t erase_lines(Scenario& scenario, const std::function<bool(const Statement&)>& is_wanted) {
  return erase(scenario.statements, is_wanted);
}

}  // namespace ringside::script
