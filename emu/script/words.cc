// Reads a line word by word, and reports which words would have been valid.
#include "emu/script/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "emu/script/suggest.h"

namespace ringside::script {

namespace {

std::string kind_text(const Token& token) {
  switch (token.kind) {
    case TokenKind::text:
      return "a text";
    case TokenKind::bytes:
      return "bytes";
    case TokenKind::regex:
      return "a pattern";
    case TokenKind::word:
    case TokenKind::number:
    case TokenKind::duration:
    case TokenKind::percent:
    case TokenKind::symbol:
    case TokenKind::end:
      break;
  }
  return fmt::format("\"{}\"", token.text);
}

}  // namespace

Words::Words(const std::vector<Token>& tokens, Diagnostics& diagnostics)
    : tokens_(tokens), diagnostics_(diagnostics) {
  if (tokens.empty()) return;
  end_.span = tokens.back().span;
  end_.span.begin = end_.span.end;
  ++end_.span.end;
}

const Token& Words::peek(std::size_t ahead) const {
  return failed_ || at_ + ahead >= tokens_.size() ? end_ : tokens_[at_ + ahead];
}

const Token& Words::take() {
  const Token& token = peek();
  if (at_end()) return token;
  ++at_;
  last_ = token.span;
  possible_.clear();
  return token;
}

bool Words::accept(std::string_view word) {
  if (peek().is(word)) {
    take();
    return true;
  }
  possible_.push_back(word);
  return false;
}

void Words::require(std::string_view word) {
  if (!accept(word)) wrong(fmt::format("\"{}\"", word));
}

std::size_t Words::choose(std::span<const std::string_view> words) {
  for (std::size_t at = 0; at < words.size(); ++at) {
    if (accept(words[at])) return at;
  }
  wrong(alternatives(words));
  return 0;
}

std::uint64_t Words::number(std::string_view what, std::uint64_t least, std::uint64_t most) {
  const Token& token = peek();
  if (token.kind != TokenKind::number) {
    wrong(fmt::format("a number ({})", what));
    return least;
  }
  if (token.number < least || token.number > most) {
    fail("E005", token.span, fmt::format("{} is a number from {} to {}", what, least, most),
         token.number > most ? "it is too large" : "it is too small");
    return least;
  }
  return take().number;
}

Duration Words::duration(std::string_view what) {
  const Token& token = peek();
  if (token.kind == TokenKind::number) {
    fail("E006", token.span, fmt::format("{} needs a unit", what),
         fmt::format("did you mean {}ms?  units: ns, us, ms, s, min", token.text));
    return {};
  }
  if (token.kind != TokenKind::duration) {
    wrong(fmt::format("a duration ({})", what));
    return {};
  }
  return Duration(static_cast<Duration::rep>(take().number));
}

void Words::fail(std::string_view code, const Span& span, std::string message, std::string hint) {
  if (std::exchange(failed_, true)) return;
  diagnostics_.error(code, span, std::move(message), std::move(hint));
}

std::string Words::hint(std::string_view written) const {
  const std::string_view near = nearest(written, possible_);
  if (!near.empty()) return fmt::format("did you mean \"{}\"?", near);
  if (!syntax_.empty()) return fmt::format("syntax: {}", syntax_);
  return possible_.empty() ? "" : suggestion("", possible_, "possible");
}

void Words::wrong(std::string_view wanted) {
  const Token& token = peek();
  if (token.kind == TokenKind::end) {
    fail("E013", token.span, fmt::format("the line ends, but {} is expected", wanted), hint(""));
  } else {
    fail("E011", token.span, fmt::format("{} is expected here, not {}", wanted, kind_text(token)),
         hint(token.text));
  }
}

void Words::done() {
  if (at_end()) return;
  const Token& token = peek();
  fail("E014", token.span, fmt::format("{} is not expected here", kind_text(token)), hint(token.text));
}

}  // namespace ringside::script
