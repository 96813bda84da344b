// Splits files into lines, and formats diagnostics.
#include "emu/script/source.h"

#include <fmt/format.h>

#include <algorithm>

#include "emu/trace/quote.h"

namespace ringside::script {

namespace {

constexpr std::size_t excerpt_characters_max = 160;
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";  // some editors write one

bool continues_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

/// Calls `each` with every character; with "" for a byte that is not part of one.
template <class Each>
void for_characters(std::string_view text, Each each) {
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view character = trace::character_at(text, at);
    each(character);
    at += std::max<std::size_t>(character.size(), 1);
  }
}

std::size_t characters(std::string_view text) {
  std::size_t count = 0;
  for_characters(text, [&](std::string_view) { ++count; });
  return count;
}

/// Makes text fit for terminals and reports: a tab becomes a space; other control characters, those of C1 in
/// UTF-8, and invalid bytes become '?'.
std::string shown(std::string_view text) {
  std::string safe;
  for_characters(text, [&](std::string_view character) {
    const unsigned char byte = character.empty() ? 0 : static_cast<unsigned char>(character[0]);
    const bool c1 = byte == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;
    if (byte == '\t')
      safe += ' ';
    else if (byte < 0x20 || byte == 0x7f || c1)
      safe += '?';
    else
      safe += character;
  });
  return safe;
}

}  // namespace

std::uint32_t Sources::add(std::string path, std::string_view text, Span included_from) {
  Source source{std::move(path), {}, included_from};
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    source.lines.emplace_back(line);
  }
  sources_.push_back(std::move(source));
  return static_cast<std::uint32_t>(sources_.size() - 1);
}

std::string_view Sources::line(std::uint32_t source, std::uint32_t line) const {
  if (source >= sources_.size() || line == 0 || line > sources_[source].lines.size()) return {};
  return sources_[source].lines[line - 1];
}

std::string_view Sources::text(const Span& span) const {
  const std::string_view whole = line(span.source, span.line);
  const std::size_t begin = std::min<std::size_t>(span.begin, whole.size());
  return whole.substr(begin, std::max(span.begin, span.end) - span.begin);
}

std::size_t Sources::column(const Span& span) const {
  return characters(line(span.source, span.line).substr(0, span.begin)) + 1;
}

std::string Sources::place(const Span& span) const {
  return fmt::format("{}:{}:{}", trace::printable(at(span.source).path), span.line, column(span));
}

std::string Sources::include_stack(std::uint32_t source) const {
  std::string stack;
  for (Span from = at(source).included_from; !from.nowhere(); from = at(from.source).included_from) {
    stack += fmt::format("{}from {}:{}", stack.empty() ? "included " : ", ",
                         trace::printable(at(from.source).path), from.line);
  }
  return stack;
}

std::size_t Sources::depth(std::uint32_t source) const {
  std::size_t depth = 0;
  for (Span from = at(source).included_from; !from.nowhere(); from = at(from.source).included_from) ++depth;
  return depth;
}

std::string Sources::excerpt(const Span& span, std::string_view hint) const {
  const std::string number = std::to_string(span.line);
  const std::string margin(number.size(), ' ');
  const std::string stack = include_stack(span.source);
  std::string text = fmt::format("{}--> {}", margin, place(span));
  if (!stack.empty()) text += fmt::format("            ({})", stack);

  std::string_view whole = line(span.source, span.line);
  std::size_t begin = std::min<std::size_t>(span.begin, whole.size());
  const std::size_t end = std::clamp<std::size_t>(span.end, begin, whole.size());
  // The excerpt of a long line begins shortly before the span, so that the caret is visible.
  std::string_view cut;
  if (end > excerpt_characters_max && begin > excerpt_characters_max / 2) {
    std::size_t skipped = begin - excerpt_characters_max / 2;
    while (skipped < begin && continues_character(whole[skipped])) ++skipped;
    whole.remove_prefix(skipped);
    begin -= skipped;
    cut = "...";
  }
  const std::string_view marked = whole.substr(begin, std::max(end, std::size_t{span.begin}) - span.begin);
  const std::size_t carets = std::clamp<std::size_t>(characters(marked), 1, excerpt_characters_max);
  const std::string before(characters(whole.substr(0, begin)) + cut.size(), ' ');
  std::string_view after;
  if (whole.size() > 2 * excerpt_characters_max) {
    std::size_t kept = 2 * excerpt_characters_max;
    while (kept > 0 && continues_character(whole[kept])) --kept;
    whole = whole.substr(0, kept);
    after = "...";
  }
  text += fmt::format("\n{} | {}{}{}\n", number, cut, shown(whole), after);
  text += fmt::format("{} | {}{}", margin, before, std::string(carets, '^'));
  if (!hint.empty()) text += fmt::format(" {}", shown(hint));
  return text + "\n";
}

std::string Diagnostic::text(const Sources& sources) const {
  std::string said =
      fmt::format("{}[{}]: {}\n", severity == Severity::error ? "error" : "warning", code, shown(message));
  return span.nowhere() ? said : said + sources.excerpt(span, hint);
}

void Diagnostics::error(std::string_view code, const Span& span, std::string message, std::string hint) {
  add({Severity::error, code, std::move(message), span, std::move(hint)});
}

void Diagnostics::warning(std::string_view code, const Span& span, std::string message, std::string hint) {
  add({Severity::warning, code, std::move(message), span, std::move(hint)});
}

void Diagnostics::add(Diagnostic diagnostic) {
  // A line is parsed once for each run of its file, each time with the same errors.
  const bool known = std::ranges::any_of(all_, [&](const Diagnostic& each) {
    return each.span == diagnostic.span && each.code == diagnostic.code;
  });
  if (known) return;
  ++(diagnostic.severity == Severity::error ? errors_ : warnings_);
  if (all_.size() < diagnostics_max) all_.push_back(std::move(diagnostic));
}

std::string Diagnostics::text(const Sources& sources) const {
  std::vector<const Diagnostic*> ordered;
  for (const Diagnostic& each : all_) ordered.push_back(&each);
  std::ranges::stable_sort(ordered, {}, [](const Diagnostic* each) { return each->span; });
  std::string text;
  for (const Diagnostic* each : ordered) text += (text.empty() ? "" : "\n") + each->text(sources);
  if (const std::size_t rest = errors_ + warnings_ - all_.size(); rest != 0) {
    text += fmt::format("\n... and {} more\n", rest);
  }
  return text;
}

}  // namespace ringside::script
