// Formats lines: spaces between words, indents of blocks, columns of tables, comments after lines.
#include "emu/script/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "emu/script/lexer.h"
#include "emu/script/variables.h"

namespace ringside::script {

namespace {

constexpr std::size_t indent_of_block = 2;
constexpr std::size_t columns_apart = 2;

/// A formatted line: its words without trailing space, and its comment.
struct FormattedLine {
  std::string code;
  std::string comment;
  bool alone = false;  ///< the line has only a comment
};

std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }));
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

class Formatter {
 public:
  Formatter(const Sources& sources, std::vector<Line> lines) : sources_(sources), lines_(std::move(lines)) {}

  std::string run();

 private:
  [[nodiscard]] std::string joined(const std::vector<Token>& tokens) const;
  [[nodiscard]] std::string word(const Token& token) const { return std::string(sources_.text(token.span)); }
  void format_line(const Line& line);
  /// Formats a table: the line `at` and its rows. Returns the last of them.
  std::size_t format_cases(std::size_t at);
  void align_comments();

  const Sources& sources_;
  std::vector<Line> lines_;
  std::vector<FormattedLine> formatted_;
  std::size_t depth_ = 0;
};

/// Whether no space is between `left` and `right`.
bool tight(const Token& left, const Token& right) {
  const auto is = [](const Token& token, std::string_view symbol) {
    return token.kind == TokenKind::symbol && token.text == symbol;
  };
  return is(right, ",") || is(right, "..") || is(left, "..") || is(right, "...") || is(right, "[") ||
         is(left, "[") || is(right, "]");
}

std::string Formatter::joined(const std::vector<Token>& tokens) const {
  std::string text;
  for (std::size_t at = 0; at < tokens.size(); ++at) {
    if (at != 0 && !tight(tokens[at - 1], tokens[at])) text += ' ';
    text += word(tokens[at]);
  }
  return text;
}

void Formatter::format_line(const Line& line) {
  const auto begins = [&](std::string_view with) {
    return !line.tokens.empty() && line.tokens.front().is(with);
  };
  if (begins("end") && depth_ > 0) --depth_;
  FormattedLine formatted;
  formatted.comment = trimmed(sources_.text(line.comment));
  formatted.alone = line.tokens.empty();
  if (!line.blank()) formatted.code = std::string(depth_ * indent_of_block, ' ') + joined(line.tokens);
  formatted_.push_back(std::move(formatted));
  if (begins("repeat") || begins("together")) ++depth_;
}

std::size_t Formatter::format_cases(std::size_t at) {
  const Line& head = lines_[at];
  const std::size_t rows = rows_of_cases(head, std::span(lines_).subspan(at + 1));
  const bool from_file = std::ranges::any_of(head.tokens, [](const Token& each) { return each.is("from"); });
  if (from_file || rows == 0) {
    format_line(head);
    return at;
  }
  const auto table = std::span(lines_).subspan(at, rows + 1);
  std::vector<std::size_t> widths;
  const auto cells = [](const Line& line, bool first) {
    return std::span(line.tokens).subspan(first ? 1 : 0);
  };
  for (const Line& line : table) {
    std::size_t column = 0;
    for (const Token& each : cells(line, &line == &head)) {
      if (&line == &head && each.is(",")) continue;
      widths.resize(std::max(widths.size(), column + 1));
      widths[column] = std::max(widths[column], width(word(each)));
      ++column;
    }
  }
  const std::string before(depth_ * indent_of_block, ' ');
  for (const Line& line : table) {
    FormattedLine formatted;
    formatted.comment = trimmed(sources_.text(line.comment));
    formatted.alone = line.tokens.empty();
    if (!line.blank())
      formatted.code = before + (&line == &head ? word(head.tokens.front()) + " " : std::string(6, ' '));
    std::size_t column = 0;
    for (const Token& each : cells(line, &line == &head)) {
      if (&line == &head && each.is(",")) continue;
      formatted.code += fmt::format("{}{}", word(each),
                                    std::string(widths[column] - width(word(each)) + columns_apart, ' '));
      ++column;
    }
    if (!formatted.alone) formatted.code = trimmed(formatted.code);
    formatted_.push_back(std::move(formatted));
  }
  return at + rows;
}

/// Aligns the comments of consecutive lines.
void Formatter::align_comments() {
  for (std::size_t at = 0; at < formatted_.size();) {
    std::size_t end = at;
    std::size_t column = comment_column;
    while (end < formatted_.size() && !formatted_[end].alone && !formatted_[end].comment.empty()) {
      column = std::max(column, width(formatted_[end].code) + columns_apart);
      ++end;
    }
    for (std::size_t each = at; each < end; ++each) {
      formatted_[each].code +=
          std::string(column - width(formatted_[each].code), ' ') + formatted_[each].comment;
    }
    at = std::max(end, at + 1);
  }
}

std::string Formatter::run() {
  for (std::size_t at = 0; at < lines_.size(); ++at) {
    if (!lines_[at].tokens.empty() && lines_[at].tokens.front().is("cases")) {
      at = format_cases(at);
    } else {
      format_line(lines_[at]);
    }
  }
  align_comments();
  std::string text;
  for (const FormattedLine& each : formatted_) {
    const std::string line = each.alone ? each.code + each.comment : each.code;
    // No empty lines at the beginning.
    if (text.empty() && line.empty()) continue;
    text += line + "\n";
  }
  while (text.ends_with("\n\n")) text.pop_back();
  return text == "\n" ? "" : text;
}

}  // namespace

std::optional<std::string> format(const std::string& path, std::string_view text, Sources& sources,
                                  Diagnostics& diagnostics) {
  if (text.size() > source_bytes_max) {
    diagnostics.error(
        "E020", {}, fmt::format("cannot format \"{}\": it is longer than {} bytes", path, source_bytes_max));
    return {};
  }
  const std::uint32_t source = sources.add(path, text);
  auto lines = lex(sources, source, diagnostics);
  if (diagnostics.errors() != 0) return {};
  return Formatter(sources, std::move(lines)).run();
}

}  // namespace ringside::script
