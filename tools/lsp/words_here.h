// Which words can be at a place of a line, and what they mean there. Words and meanings come from the
// vocabulary. Whether a word can be at a place is asked of the parser, which gets the line with that word.
#pragma once

#include <optional>

#include "emu/script/scenario_template.h"

namespace ringside::tools {

/// The numbers of the protocol's CompletionItemKind.
enum class WordKind : std::uint8_t { verb = 3, counter = 5, actor = 6, value = 12, keyword = 14, quirk = 20 };

struct WordHere {
  std::string word;
  WordKind kind = WordKind::keyword;
  std::string syntax;  ///< of its line; of a counter its unit
  std::string what;
  script::Span span;  ///< of word_at()
};

/// The words that can follow `before`, a line up to the beginning of a word, in this document.
[[nodiscard]] std::vector<WordHere> words_possible(const script::Script& document, const std::string& before);

/// The word at this byte of a line; empty if the vocabulary does not have it.
[[nodiscard]] std::optional<WordHere> word_at(std::string_view line, std::size_t byte);

}  // namespace ringside::tools
