// From the lines of a file to tokens. A token that contains `{NAME}` is kept in pieces; `substitute` makes a
// token of it when the names have values.
//
// The lexer knows no verbs and no actors. It reports what it cannot read; such a line is marked and not
// parsed.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emu/script/source.h"

namespace ringside::script {

inline constexpr std::size_t text_bytes_max = 4096;  ///< of one text, after substitution

enum class TokenKind : std::uint8_t {
  word,      ///< dom1.tx, xcs-drop-when-full, BYTES
  number,    ///< 480, 0x1f, 64KiB
  duration,  ///< 20ms, 1.5s
  percent,   ///< 5%
  text,      ///< "hello\n"
  bytes,     ///< |de ad be ef|
  regex,     ///< /login: $/
  symbol,    ///< = , -> .. ... [ ] < <= > >= !=
  end,       ///< of the line; never in a Line
};

struct Token {
  TokenKind kind = TokenKind::end;
  Span span;
  std::string text;          ///< of a word or symbol: as written; of a text, bytes or regex: its value
  std::uint64_t number = 0;  ///< of a number or percent; of a duration in nanoseconds

  /// The parts of a token with names in braces, in order; empty for all other tokens.
  struct Piece {
    bool name = false;
    std::string text;
    Span span;
  };
  std::vector<Piece> pieces;

  [[nodiscard]] bool is(std::string_view word) const {
    return text == word && (kind == TokenKind::word || kind == TokenKind::symbol) && pieces.empty();
  }
  [[nodiscard]] bool templated() const { return !pieces.empty(); }
};

struct Line {
  std::uint32_t source = 0;
  std::uint32_t number = 0;
  std::size_t indent = 0;     ///< bytes before the first token or comment
  std::vector<Token> tokens;  ///< empty for a blank or comment line, and for a phase
  bool phase = false;         ///< `## title`
  std::string title;
  Span comment;      ///< with its '#'; nowhere if there is none; for a phase, with its title
  bool bad = false;  ///< part of it could not be read

  [[nodiscard]] bool blank() const { return tokens.empty() && comment.nowhere() && !phase && !bad; }
  [[nodiscard]] Span span() const;
};

/// All lines of a source, including empty ones.
[[nodiscard]] std::vector<Line> lex(const Sources& sources, std::uint32_t source, Diagnostics& diagnostics);

/// Splits one line. `line` has its place already.
void lex_line(std::string_view text, Line& line, Diagnostics& diagnostics);

/// `written` as one token at `span`. Empty, with a diagnostic, if it is not exactly one token.
[[nodiscard]] std::optional<Token> lex_value(std::string_view written, const Span& span,
                                             Diagnostics& diagnostics);

/// The value of a name; null if it is not defined.
using Lookup = std::function<const Token*(std::string_view name)>;

/// The token with values in place of names, and the same span. Empty, with a diagnostic, if a name has no
/// value or the result is no token. `defined` is for that diagnostic: "BYTES, LOSS".
[[nodiscard]] std::optional<Token> substitute(const Token& token, const Lookup& lookup,
                                              const std::vector<std::string>& defined,
                                              Diagnostics& diagnostics);

/// Names of values: capital letters, digits and '_', beginning with a letter.
[[nodiscard]] bool is_name(std::string_view text);

}  // namespace ringside::script
