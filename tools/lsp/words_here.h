// Which words can be at a place of a line, and what they mean. Words and meanings come from the vocabulary.
// The parser decides whether a word can be at a place: it gets the line with that word.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "emu/script/source.h"

namespace ringside::tools {

/// Words and their meanings. Words that only join others, such as "to", have an empty one.
using Dictionary = std::map<std::string, std::string>;

/// The words that can be at a place of a line. `before` is the line up to that word, and `written` the
/// beginning of the word: "dom7.s" asks for words of dom7, in place of those of dom1.
[[nodiscard]] Dictionary words_possible(std::string before, std::string written);

struct WordHere {
  script::Span span;
  std::string meaning;
};

/// The word at this byte of a line; empty if it has no meaning.
[[nodiscard]] std::optional<WordHere> word_at(std::string_view line, std::size_t byte);

}  // namespace ringside::tools
