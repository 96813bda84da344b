// One line with values in place of names becomes one statement. Blocks, conditions and settings are for
// expand.h, and whether the line makes sense among the others is for check.h.
#pragma once

#include <optional>

#include "emu/script/vocabulary.h"
#include "emu/script/words.h"

namespace ringside::script {

/// Nothing, and a diagnostic, if the line says nothing that can be done or expected. `only_sim` of the
/// statement is filled in.
[[nodiscard]] std::optional<Statement> parse_statement(const std::vector<Token>& tokens,
                                                       Diagnostics& diagnostics);

/// What comes after `ignore`, and a part of what comes after `expect` and `never`.
[[nodiscard]] Pattern parse_pattern(Words& words);

/// What somebody does, from behind his name; also `fault`, from behind that word.
[[nodiscard]] Act parse_act(Words& words, const Actor& who);
[[nodiscard]] Act parse_client_act(Words& words, const Actor& who, Verb verb);
[[nodiscard]] Act parse_fault(Words& words);

}  // namespace ringside::script
