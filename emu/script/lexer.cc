// Splits lines into tokens.
//
// An atom is a run of letters, digits and the characters that a word may contain. Its kind (word, number ...)
// is decided when no `{NAME}` is left in it.
#include "emu/script/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "emu/script/suggest.h"

namespace ringside::script {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_capital(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_letter(char c) {
  return is_capital(c) || (c >= 'a' && c <= 'z');
}
bool is_atom(char c) {
  return is_letter(c) || is_digit(c) || c == '_';
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

struct Unit {
  std::string_view name;
  std::uint64_t factor;
  TokenKind kind;
};
constexpr std::array units{Unit{"ns", 1, TokenKind::duration},
                           Unit{"us", 1'000, TokenKind::duration},
                           Unit{"ms", 1'000'000, TokenKind::duration},
                           Unit{"s", 1'000'000'000, TokenKind::duration},
                           Unit{"min", 60'000'000'000, TokenKind::duration},
                           Unit{"KiB", 1 << 10, TokenKind::number},
                           Unit{"MiB", 1 << 20, TokenKind::number},
                           Unit{"%", 1, TokenKind::percent}};

/// Larger than any number that the language accepts.
constexpr std::uint64_t number_max = 1'000'000'000'000'000'000;

class LineLexer {
 public:
  LineLexer(std::string_view text, Line& line, Diagnostics& diagnostics)
      : text_(text), line_(line), diagnostics_(diagnostics) {}

  void run() {
    skip_spaces();
    line_.indent = at_;
    if (text_.substr(at_).starts_with("##")) return phase();
    while (at_ < text_.size() && !line_.bad) {
      begin_ = at_;
      if (text_[at_] == '#') {
        line_.comment = span_to(text_.size());
        return;
      }
      token();
      skip_spaces();
    }
  }

  /// Finds the kind of an atom that has no name in braces left.
  bool classify(Token& token, std::string_view atom);

 private:
  Span span_to(std::size_t end) const {
    return {line_.source, line_.number, static_cast<std::uint32_t>(begin_), static_cast<std::uint32_t>(end)};
  }
  Span here(std::size_t bytes) const {
    return {line_.source, line_.number, static_cast<std::uint32_t>(at_),
            static_cast<std::uint32_t>(at_ + bytes)};
  }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  void fail(std::string_view code, const Span& span, std::string message, std::string hint) {
    diagnostics_.error(code, span, std::move(message), std::move(hint));
    line_.bad = true;
  }

  void skip_spaces() {
    while (peek() == ' ' || peek() == '\t') ++at_;
  }

  void phase() {
    begin_ = at_;
    line_.comment = span_to(text_.size());
    line_.phase = true;
    std::string_view title = text_.substr(at_ + 2);
    while (title.starts_with(' ') || title.starts_with('\t')) title.remove_prefix(1);
    while (title.ends_with(' ') || title.ends_with('\t')) title.remove_suffix(1);
    line_.title = title;
    for (at_ += 2; at_ < text_.size(); ++at_) {
      if (peek() != '{' || name_here() == 0) continue;
      return fail("E011", here(name_here()), "a phase's title cannot contain values",
                  "leave out the braces: each run's name contains its values");
    }
    if (title.empty())
      fail("E013", line_.comment, "a phase has no title", "write what begins here: ## typing");
  }

  void push(Token token) {
    token.span = span_to(at_);
    line_.tokens.push_back(std::move(token));
  }

  void token();
  void atom();
  void text();
  void bytes();
  void regex();
  bool symbol();
  bool escape(std::string& into);
  /// At a '{': the length of `{NAME}`, or 0.
  std::size_t name_here() const;
  void take_name(Token& token, std::string& before, std::size_t bytes);
  static void finish(Token& token, std::string& rest);
  bool number(Token& token, std::string_view atom);
  void unreadable();

  std::string_view text_;
  Line& line_;
  Diagnostics& diagnostics_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;
};

void LineLexer::token() {
  const char c = peek();
  if (is_atom(c) || name_here() != 0) return atom();
  if (c == '"') return text();
  if (c == '|') return bytes();
  if (c == '/' && peek(1) != '/') return regex();
  if (!symbol()) unreadable();
}

std::size_t LineLexer::name_here() const {
  if (peek() != '{') return 0;
  const std::size_t close = text_.find('}', at_);
  if (close == std::string_view::npos || !is_name(text_.substr(at_ + 1, close - at_ - 1))) return 0;
  return close - at_ + 1;
}

/// Moves `before` and the name into the token's pieces.
void LineLexer::take_name(Token& token, std::string& before, std::size_t bytes) {
  if (!before.empty()) token.pieces.push_back({false, std::exchange(before, {}), {}});
  token.pieces.push_back({true, std::string(text_.substr(at_ + 1, bytes - 2)), here(bytes)});
  at_ += bytes;
}

void LineLexer::finish(Token& token, std::string& rest) {
  if (!token.templated()) {
    token.text = std::move(rest);
  } else if (!rest.empty()) {
    token.pieces.push_back({false, std::move(rest), {}});
  }
}

void LineLexer::atom() {
  Token token{TokenKind::word, {}, "", 0, {}};
  std::string piece;
  while (at_ < text_.size()) {
    const char c = peek();
    const char next = peek(1);
    if (const std::size_t bytes = name_here(); bytes != 0) {
      take_name(token, piece, bytes);
    } else if (is_atom(c) || c == '%' || ((c == '-' || c == '.') && (is_atom(next) || next == '{'))) {
      piece += c;
      ++at_;
    } else {
      break;
    }
  }
  finish(token, piece);
  if (!token.templated()) {
    const std::string written = std::move(token.text);
    if (!classify(token, written)) return;
  }
  push(std::move(token));
}

bool LineLexer::classify(Token& token, std::string_view atom) {
  if (!atom.empty() && is_digit(atom.front())) return number(token, atom);
  token.kind = TokenKind::word;
  token.text = atom;
  if (!atom.empty() && atom.find('%') == std::string_view::npos) return true;
  fail("E001", span_to(at_), fmt::format("\"{}\" is no word", atom),
       "a percentage begins with its number: 5%");
  return false;
}

/// 480, 0x1e0, 64KiB, 1.5ms, 5%
bool LineLexer::number(Token& token, std::string_view atom) {
  token.text = atom;
  const bool hex = atom.starts_with("0x") || atom.starts_with("0X");
  std::size_t at = hex ? 2 : 0;
  std::uint64_t value = 0;
  std::uint64_t parts = 1;
  bool fraction = false;
  for (; at < atom.size(); ++at) {
    if (atom[at] == '.' && !hex && !fraction && at + 1 < atom.size() && is_digit(atom[at + 1])) {
      fraction = true;
      continue;
    }
    const int digit = hex ? hex_digit(atom[at]) : is_digit(atom[at]) ? atom[at] - '0' : -1;
    if (digit < 0) break;
    value = value * (hex ? 16 : 10) + static_cast<std::uint64_t>(digit);
    if (fraction) parts *= 10;
    if (value > number_max) {
      fail("E005", span_to(at_), "a number that is too large", "the largest is 10 to the power of 18");
      return false;
    }
  }
  const std::string_view rest = atom.substr(at);
  token.kind = TokenKind::number;
  token.number = value;
  if (rest.empty() && !fraction && !(hex && atom.size() == 2)) return true;
  const auto unit = std::ranges::find(units, rest, &Unit::name);
  if (unit == units.end() || hex) {
    std::vector<std::string_view> names;
    for (const Unit& each : units) names.push_back(each.name);
    fail("E006", span_to(at_), fmt::format("\"{}\" is no number", atom),
         rest.empty() ? "only durations have fractions: 1.5ms" : suggestion(rest, names, "units"));
    return false;
  }
  if (value > number_max / unit->factor || value * unit->factor % parts != 0) {
    fail("E005", span_to(at_), "a number that is too large or too precise",
         "the smallest unit is the nanosecond");
    return false;
  }
  token.kind = unit->kind;
  token.number = value * unit->factor / parts;
  return true;
}

bool LineLexer::escape(std::string& into) {
  struct Escape {
    char letter;
    char byte;
  };
  constexpr std::array escapes{Escape{'n', '\n'}, Escape{'r', '\r'}, Escape{'t', '\t'},  Escape{'0', '\0'},
                               Escape{'e', 27},   Escape{'"', '"'},  Escape{'\\', '\\'}, Escape{'{', '{'}};
  const char letter = peek(1);
  if (const auto known = std::ranges::find(escapes, letter, &Escape::letter); known != escapes.end()) {
    into += known->byte;
    at_ += 2;
    return true;
  }
  if (letter == 'x' && hex_digit(peek(2)) >= 0 && hex_digit(peek(3)) >= 0) {
    into += static_cast<char>(hex_digit(peek(2)) * 16 + hex_digit(peek(3)));
    at_ += 4;
    return true;
  }
  fail("E004", here(letter == '\0' ? 1 : 2), "an unknown escape",
       R"(escapes: \n \r \t \0 \e \" \\ \{ and \x with two hex digits)");
  return false;
}

void LineLexer::text() {
  Token token{TokenKind::text, {}, "", 0, {}};
  std::string piece;
  ++at_;
  while (peek() != '"') {
    const char c = peek();
    if (at_ >= text_.size()) {
      return fail("E002", span_to(text_.size()), "a text without its closing quote", "add \" where it ends");
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return fail("E007", here(1), "a control character in a text",
                  c == '\t' ? "a tab is written \\t" : "write it as \\xNN");
    }
    if (c == '\\') {
      if (!escape(piece)) return;
    } else if (const std::size_t bytes = name_here(); bytes != 0) {
      take_name(token, piece, bytes);
    } else {
      piece += c;
      ++at_;
    }
  }
  ++at_;
  finish(token, piece);
  push(std::move(token));
}

void LineLexer::bytes() {
  Token token{TokenKind::bytes, {}, "", 0, {}};
  const std::size_t close = text_.find('|', at_ + 1);
  if (close == std::string_view::npos) {
    return fail("E002", span_to(text_.size()), "bytes without their closing \"|\"",
                "write bytes like this: |de ad be ef|");
  }
  ++at_;
  while (at_ < close) {
    if (peek() == ' ') {
      ++at_;
      continue;
    }
    const int high = hex_digit(peek());
    const int low = hex_digit(peek(1));
    if (high < 0 || low < 0) {
      return fail("E003", here(1), "bytes are pairs of hex digits", "write bytes like this: |de ad be ef|");
    }
    token.text += static_cast<char>(high * 16 + low);
    at_ += 2;
  }
  at_ = close + 1;
  push(std::move(token));
}

void LineLexer::regex() {
  Token token{TokenKind::regex, {}, "", 0, {}};
  std::string piece;
  ++at_;
  while (peek() != '/') {
    if (at_ >= text_.size()) {
      return fail("E002", span_to(text_.size()), "a pattern without its closing \"/\"",
                  "write patterns like this: /login: $/");
    }
    if (peek() == '\\' && peek(1) == '/') {
      piece += '/';
      at_ += 2;
    } else if (peek() == '\\' && at_ + 1 < text_.size()) {
      piece += text_.substr(at_, 2);
      at_ += 2;
    } else if (const std::size_t bytes = name_here(); bytes != 0) {
      take_name(token, piece, bytes);
    } else {
      piece += peek();
      ++at_;
    }
  }
  ++at_;
  finish(token, piece);
  push(std::move(token));
}

bool LineLexer::symbol() {
  constexpr std::array<std::string_view, 13> symbols{
      "...", "..", "->", "<=", ">=", "!=", "==", "<", ">", "=", ",", "[", "]"};
  for (const std::string_view each : symbols) {
    if (!text_.substr(at_).starts_with(each)) continue;
    at_ += each.size();
    push({TokenKind::symbol, {}, std::string(each), 0, {}});
    return true;
  }
  return false;
}

void LineLexer::unreadable() {
  const std::string_view rest = text_.substr(at_);
  const auto byte = static_cast<unsigned char>(rest.front());
  const std::size_t bytes = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
  const std::string_view character = rest.substr(0, bytes);
  std::string hint;
  if (character == "\xe2\x80\x9c" || character == "\xe2\x80\x9d" || character == "'" || character == "`") {
    hint = "texts are between straight double quotes: \"hello\\n\"";
  } else if (character == "\xe2\x86\x92") {
    hint = "an arrow is written ->";
  } else if (character == "{" || character == "}") {
    hint = "names between braces are in capitals: {BYTES}";
  } else if (character == "-") {
    hint = "there are no negative numbers; an arrow is written ->";
  } else if (character == ";" || character == "/") {
    hint = "a comment begins with #";
  }
  fail("E001", here(bytes), "a character without a meaning here", hint);
}

}  // namespace

Span Line::span() const {
  if (tokens.empty()) return comment;
  return joined(tokens.front().span, tokens.back().span);
}

bool is_name(std::string_view text) {
  return !text.empty() && is_capital(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_capital(c) || is_digit(c) || c == '_'; });
}

void lex_line(std::string_view text, Line& line, Diagnostics& diagnostics) {
  LineLexer(text, line, diagnostics).run();
}

std::vector<Line> lex(const Sources& sources, std::uint32_t source, Diagnostics& diagnostics) {
  std::vector<Line> lines;
  bool tabs_said = false;
  const auto& texts = sources.at(source).lines;
  lines.reserve(texts.size());
  for (std::size_t at = 0; at < texts.size(); ++at) {
    Line line;
    line.source = source;
    line.number = static_cast<std::uint32_t>(at + 1);
    if (texts[at].size() > source_line_bytes_max) {
      diagnostics.error("E008", {source, line.number, 0, 1}, "a line that is too long",
                        fmt::format("the limit is {} bytes", source_line_bytes_max));
      line.bad = true;
    } else {
      lex_line(texts[at], line, diagnostics);
    }
    const std::size_t tab = texts[at].find('\t');
    if (tab != std::string::npos && !line.bad && (line.comment.nowhere() || tab < line.comment.begin) &&
        !std::exchange(tabs_said, true)) {
      const auto column = static_cast<std::uint32_t>(tab);
      diagnostics.warning("W001", {source, line.number, column, column + 1},
                          "a tab, whose width depends on the editor",
                          "use spaces; `ringside fmt` replaces tabs");
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace ringside::script
