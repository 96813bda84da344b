// The special members of the kinds of acts, patterns and statements.
#include "emu/script/syntax.h"

namespace ringside::script {

Act::Act() = default;
Act::Act(const Act&) = default;
Act::Act(Act&&) noexcept = default;
Act& Act::operator=(const Act&) = default;
Act& Act::operator=(Act&&) noexcept = default;
Act::~Act() = default;

PatternKind::PatternKind() = default;
PatternKind::PatternKind(const PatternKind&) = default;
PatternKind::PatternKind(PatternKind&&) noexcept = default;
PatternKind& PatternKind::operator=(const PatternKind&) = default;
PatternKind& PatternKind::operator=(PatternKind&&) noexcept = default;
PatternKind::~PatternKind() = default;

StatementKind::StatementKind() = default;
StatementKind::StatementKind(const StatementKind&) = default;
StatementKind::StatementKind(StatementKind&&) noexcept = default;
StatementKind& StatementKind::operator=(const StatementKind&) = default;
StatementKind& StatementKind::operator=(StatementKind&&) noexcept = default;
StatementKind::~StatementKind() = default;

}  // namespace ringside::script
