// Blocks are lists of lines; a list's item is again a list of lines, without their indent.
#include "tools/lab/markdown.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "emu/trace/quote.h"

namespace ringside::tools {

namespace {

using trace::xml_text;

constexpr std::string_view fence = "```";
constexpr std::size_t heading_levels_max = 3;
constexpr std::size_t indented_code = 4;

struct MarkdownLine {
  std::size_t number = 0;
  std::string_view text;
};
using MarkdownLines = std::span<const MarkdownLine>;

bool is_word(char c) {
  return static_cast<unsigned char>(c) >= 0x80 || std::isalnum(static_cast<unsigned char>(c)) != 0;
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(' ') == std::string_view::npos;
}

std::size_t indent_of(std::string_view text) {
  return std::min(text.find_first_not_of(' '), text.size());
}

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(indent_of(text));
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

/// The marker that begins a list's item: "- " or "12. ".
struct ListMarker {
  std::size_t width = 0;
  std::size_t number = 0;  ///< 0: none
};

std::optional<ListMarker> list_marker(std::string_view text) {
  if (text.starts_with("- ")) return ListMarker{2, 0};
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == 0 || digits > 3 || !text.substr(digits).starts_with(". ")) return std::nullopt;
  return ListMarker{digits + 2, std::stoul(std::string(text.substr(0, digits)))};
}

/// The level of a heading; 0: the line is none.
std::size_t heading_level(std::string_view text) {
  const std::size_t level = std::min(text.find_first_not_of('#'), text.size());
  return level <= heading_levels_max && text.substr(level).starts_with(' ') ? level : 0;
}

bool begins_block(std::string_view text) {
  const auto marker = list_marker(text);
  // As in Markdown, a number within a paragraph begins a list only if it is 1.
  return text.starts_with(fence) || text.starts_with('|') || heading_level(text) != 0 ||
         (marker && marker->number <= 1);
}

/// What Markdown would make of the beginning of a line, and this does not.
std::string_view unknown_block(std::string_view text) {
  if (indent_of(text) >= indented_code) return "indented code";
  text = trimmed(text);
  if (text.starts_with('>')) return "a quotation";
  if (text.starts_with('#')) return "a heading of another form";
  if (text.starts_with("* ") || text.starts_with("+ ")) return "a list with another marker than -";
  if (text.starts_with("~~~")) return "a fence of another form";
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits != 0 && text.substr(digits).starts_with(") ")) return "a list with another marker than 1.";
  for (const char rule : {'-', '=', '*', '_'}) {
    if (text.size() >= 2 && text.find_first_not_of(std::string{rule, ' '}) == std::string_view::npos)
      return "a rule, or an underlined heading";
  }
  return "";
}

/// The same within a line, at `at`.
std::string_view unknown_inline(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  const char next = rest.size() > 1 ? rest[1] : ' ';
  const bool word_before = at != 0 && is_word(text[at - 1]);
  switch (rest.front()) {
    case '<':
      return is_word(next) || next == '/' || next == '!' || next == '?' ? "HTML" : "";
    case '&':
      return is_word(next) || next == '#' ? "a character's name" : "";
    case '\\':
      return "a backslash";
    case '_':
      return !word_before && is_word(next) ? "emphasis with _" : "";
    case '~':
      return next == '~' ? "deleted text" : "";
    case '!':
      return next == '[' ? "a picture" : "";
    case ']':
      return next == '(' || next == '[' || next == ':' ? "a link" : "";
    case ':':
      return rest.starts_with("://") ? "a bare address" : "";
    default:
      return "";
  }
}

/// A browser breaks lines at hyphens, also between the two of an option.
std::string code_words(std::string_view code) {
  std::string out;
  for (std::size_t at = 0; at < code.size();) {
    const std::size_t end = std::min(code.find(' ', at), code.size());
    const std::string word = xml_text(std::string(code.substr(at, end - at)));
    out += word.starts_with("--") ? "<span class=\"option\">" + word + "</span>" : word;
    at = end;
    for (; at < code.size() && code[at] == ' '; ++at) out += ' ';
  }
  return out;
}

class Renderer {
 public:
  explicit Renderer(std::string name) : name_(std::move(name)) {}

  /// `in_item`: the first paragraph stands beside its marker and gets no element.
  std::string blocks(MarkdownLines lines, bool in_item = false) {
    std::string out;
    while (!lines.empty() && !problem_) {
      const std::string_view text = lines.front().text;
      if (is_blank(text))
        lines = lines.subspan(1);
      else if (text.starts_with(fence))
        out += code(lines);
      else if (heading_level(text) != 0)
        out += heading(lines);
      else if (text.starts_with('|'))
        out += table(lines);
      else if (list_marker(text))
        out += list(lines);
      else
        out += paragraph(lines, in_item && out.empty());
    }
    return out;
  }

  [[nodiscard]] const std::optional<Error>& problem() const { return problem_; }

 private:
  // Each takes its lines from the front.

  std::string code(MarkdownLines& lines) {
    std::string out = "<pre tabindex=\"0\"><code>";
    const std::size_t begin = lines.front().number;
    const std::string_view language = lines.front().text.substr(fence.size());
    if (!std::ranges::all_of(language, is_word)) unknown(begin, "a fence of another form");
    for (lines = lines.subspan(1); !lines.empty(); lines = lines.subspan(1)) {
      if (lines.front().text == fence) {
        lines = lines.subspan(1);
        return out + "</code></pre>\n";
      }
      out += xml_text(std::string(lines.front().text)) + "\n";
    }
    unknown(begin, "a fence that is not closed");
    return "";
  }

  std::string heading(MarkdownLines& lines) {
    const auto [number, text] = lines.front();
    lines = lines.subspan(1);
    const std::size_t level = heading_level(text);
    const std::string_view words = trimmed(text.substr(level));
    if (words.ends_with('#')) unknown(number, "a heading of another form");
    return fmt::format("<h{0} id=\"{1}\">{2}</h{0}>\n", level, id_of(words), in_line(number, words));
  }

  std::string id_of(std::string_view words) {
    std::string id;
    for (const char c : words) {
      if (std::isalnum(static_cast<unsigned char>(c)) != 0)
        id += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      else if (!id.empty() && id.back() != '-')
        id += '-';
    }
    if (id.ends_with('-')) id.pop_back();
    const std::string first = id;
    for (std::size_t count = 2; !ids_.insert(id).second; ++count) id = fmt::format("{}-{}", first, count);
    return id;
  }

  /// The cells between the "|" of a line; those within `code` separate nothing.
  std::vector<std::string_view> cells(const MarkdownLine& line) {
    const std::string_view text = trimmed(line.text);
    std::vector<std::string_view> found;
    bool in_code = false;
    std::size_t begin = 1;
    for (std::size_t at = 1; at < text.size(); ++at) {
      if (text[at] == '`') in_code = !in_code;
      if (text[at] != '|' || in_code) continue;
      found.push_back(trimmed(text.substr(begin, at - begin)));
      begin = at + 1;
    }
    if (begin != text.size()) unknown(line.number, "a table's row without | at its end");
    return found;
  }

  std::string row(const MarkdownLine& line, std::string_view first, std::string_view other) {
    std::string out = "<tr>";
    for (const std::string_view cell : cells(line)) {
      const std::string_view kind = out == "<tr>" ? first : other;
      out += fmt::format("<{}>{}</{}>", kind, in_line(line.number, cell), kind.substr(0, 2));
    }
    return out + "</tr>\n";
  }

  /// The first cell of a row is its heading.
  std::string table(MarkdownLines& lines) {
    const MarkdownLine head = lines.front();
    const std::size_t columns = cells(head).size();
    std::string out =
        "<table>\n<thead>" + row(head, "th scope=\"col\"", "th scope=\"col\"") + "</thead>\n<tbody>\n";
    for (lines = lines.subspan(1); !lines.empty() && lines.front().text.starts_with('|');
         lines = lines.subspan(1)) {
      const MarkdownLine& line = lines.front();
      if (cells(line).size() != columns) unknown(line.number, "a table's row with other columns");
      const bool separates = line.number == head.number + 1;
      if (separates != (line.text.find_first_not_of("|-") == std::string_view::npos))
        unknown(line.number, "a table without |---| after its first row");
      if (!separates) out += row(line, "th scope=\"row\"", "td");
    }
    return out + "</tbody>\n</table>\n";
  }

  std::string list(MarkdownLines& lines) {
    const bool numbered = list_marker(lines.front().text)->number != 0;
    std::string out = numbered ? "<ol>\n" : "<ul>\n";
    std::size_t count = 0;
    while (!lines.empty()) {
      const auto marker = list_marker(lines.front().text);
      if (!marker || (marker->number != 0) != numbered) break;
      if (numbered && marker->number != ++count)
        unknown(lines.front().number, "a list that does not count from 1");
      out += "<li>" + blocks(item(lines, marker->width), true) + "</li>\n";
    }
    return out + (numbered ? "</ol>\n" : "</ul>\n");
  }

  /// The lines of an item: the rest of its first line, and all that are indented as far.
  std::vector<MarkdownLine> item(MarkdownLines& lines, std::size_t width) {
    std::vector<MarkdownLine> own = {{lines.front().number, lines.front().text.substr(width)}};
    for (lines = lines.subspan(1); !lines.empty(); lines = lines.subspan(1)) {
      const auto [number, text] = lines.front();
      if (is_blank(text)) {
        own.push_back({number, ""});
      } else if (indent_of(text) >= width) {
        own.push_back({number, text.substr(width)});
      } else {
        const bool goes_on = !own.back().text.empty() && !begins_block(text) && !list_marker(text);
        if (goes_on) unknown(number, "a list's line without its indent");
        break;
      }
    }
    return own;
  }

  std::string paragraph(MarkdownLines& lines, bool bare) {
    std::string text;
    const std::size_t number = lines.front().number;
    for (; !lines.empty() && !is_blank(lines.front().text); lines = lines.subspan(1)) {
      const std::string_view line = lines.front().text;
      if (!text.empty() && begins_block(line)) break;
      if (const auto what = unknown_block(line); !what.empty()) unknown(lines.front().number, what);
      if (line.ends_with("  ")) unknown(lines.front().number, "a line's end with spaces");
      text += (text.empty() ? "" : " ") + std::string(trimmed(line));
    }
    const std::string words = in_line(number, text);
    return bare ? words + "\n" : "<p>" + words + "</p>\n";
  }

  /// `number` is the line in which the text begins.
  std::string in_line(std::size_t number, std::string_view text) {
    std::string out;
    std::vector<std::string_view> open;  // the marks of emphasis
    for (std::size_t at = 0; at < text.size() && !problem_;) {
      if (text[at] == '`') {
        const std::size_t end = text.find('`', at + 1);
        if (end == std::string_view::npos || end == at + 1) {
          unknown(number, "a ` without its other end");
          break;
        }
        out += "<code>" + code_words(text.substr(at + 1, end - at - 1)) + "</code>";
        at = end + 1;
      } else if (text[at] == '*') {
        at += emphasis(number, text, at, open, out);
      } else {
        if (const auto what = unknown_inline(text, at); !what.empty()) unknown(number, what);
        const std::size_t end = std::min(text.find_first_of("`*<&\\_~!]:", at + 1), text.size());
        out += xml_text(std::string(text.substr(at, end - at)));
        at = end;
      }
    }
    if (!open.empty()) unknown(number, "emphasis without its other end");
    return out;
  }

  /// Returns the number of characters that it has taken.
  std::size_t emphasis(std::size_t number, std::string_view text, std::size_t at,
                       std::vector<std::string_view>& open, std::string& out) {
    const std::string_view mark = text.substr(at).starts_with("**") ? "**" : "*";
    const std::string_view element = mark.size() == 2 ? "strong" : "em";
    const char before = at == 0 ? ' ' : text[at - 1];
    const char after = at + mark.size() < text.size() ? text[at + mark.size()] : ' ';
    if (before == ' ' && after == ' ') {
      out += mark;
    } else if (!open.empty() && open.back() == mark && before != ' ') {
      open.pop_back();
      out += fmt::format("</{}>", element);
    } else if (std::ranges::find(open, mark) == open.end() && after != ' ' && after != '*') {
      open.push_back(mark);
      out += fmt::format("<{}>", element);
    } else {
      unknown(number, "emphasis of another form");
    }
    return mark.size();
  }

  /// Keeps the first problem.
  void unknown(std::size_t line, std::string_view what) {
    if (problem_) return;
    problem_ = Error{EINVAL, "cannot show a text as a page", fmt::format("{}:{}", name_, line),
                     fmt::format("it has {}", what),
                     "use headings, paragraphs, tables, lists, fenced code, `code`, **bold** and *emphasis*"};
  }

  std::string name_;
  std::set<std::string> ids_;
  std::optional<Error> problem_;
};

}  // namespace

Result<std::string> html_of_markdown(const std::string& name, std::string_view text) {
  std::vector<MarkdownLine> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back({lines.size() + 1, text.substr(0, end)});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  Renderer renderer(name);
  std::string html = renderer.blocks(lines);
  if (renderer.problem()) return *renderer.problem();
  return html;
}

}  // namespace ringside::tools
