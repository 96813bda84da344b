// Replaces `{NAME}` by its value.
#include <fmt/format.h>

#include "emu/script/lexer.h"
#include "emu/script/suggest.h"

namespace ringside::script {

std::optional<Token> lex_value(std::string_view written, const Span& span, Diagnostics& diagnostics) {
  Line line;
  Diagnostics found;
  lex_line(written, line, found);
  if (line.bad || line.tokens.size() != 1 || !line.comment.nowhere() || line.tokens.front().templated()) {
    diagnostics.error(
        "E009", span, fmt::format("\"{}\" is not one value", written),
        found.all().empty() ? "values: 480, on, 20ms, 5%, \"a text\"" : found.all().front().message);
    return {};
  }
  Token token = std::move(line.tokens.front());
  token.span = span;
  return token;
}

std::optional<Token> substitute(const Token& token, const Lookup& lookup,
                                const std::vector<std::string>& defined, Diagnostics& diagnostics) {
  if (!token.templated()) return token;
  Token result = token;
  result.pieces.clear();
  result.text.clear();
  for (const Token::Piece& piece : token.pieces) {
    if (!piece.name) {
      result.text += piece.text;
      continue;
    }
    const Token* value = lookup(piece.text);
    if (value == nullptr) {
      diagnostics.error("E028", piece.span, fmt::format("there is no value named {}", piece.text),
                        defined.empty() ? "param, cases, let and repeat ... as define them"
                                        : suggestion(piece.text, defined, "defined"));
      return {};
    }
    if (token.pieces.size() == 1 && token.kind == TokenKind::word) {
      result = *value;
      result.span = token.span;
      return result;
    }
    result.text += value->text;
  }
  if (result.text.size() > text_bytes_max) {
    diagnostics.error("E008", token.span, "a text that is too long",
                      fmt::format("the limit is {} bytes", text_bytes_max));
    return {};
  }
  if (token.kind != TokenKind::word) return result;
  return lex_value(result.text, token.span, diagnostics);
}

}  // namespace ringside::script
