// Parses one line, after names were replaced by values, into one statement. Blocks, conditions and settings
// are parsed in expand.h; check.h compares a line with others.
#pragma once

#include <optional>

#include "emu/script/vocabulary.h"
#include "emu/script/words.h"

namespace ringside::script {

/// Empty, with a diagnostic, if the line is no act and no expectation. Sets the statement's `only_sim`.
[[nodiscard]] std::optional<Statement> parse_statement(const std::vector<Token>& tokens,
                                                       Diagnostics& diagnostics);

/// Parses the words after `ignore`, or part of those after `expect` and `never`.
[[nodiscard]] Pattern parse_pattern(Words& words);

/// Parses an act of `who`, after the actor; also a fault, after the word `fault`.
[[nodiscard]] Act parse_act(Words& words, const Actor& who);
[[nodiscard]] Act parse_client_act(Words& words, const Actor& who, Verb verb);
[[nodiscard]] Act parse_fault(Words& words);

}  // namespace ringside::script
