// Wrapped sentences for the user and JSON strings.
#include "tools/prose.h"

#include <fmt/format.h>

#include <algorithm>

#include "emu/trace/json.h"

namespace ringside::tools {

void print_wrapped(std::string_view text, std::string_view first_indent, std::string_view indent) {
  std::string line(first_indent);
  bool empty = true;
  const auto end_line = [&] {
    fmt::print("{}\n", line);
    line = indent;
    empty = true;
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string_view word = text.substr(at, end - at);
    if (!empty && line.size() + 1 + word.size() > text_columns) end_line();
    if (!empty) line += ' ';
    line += word;
    empty = false;
    at = end + 1;
  }
  if (!empty) end_line();
}

std::string with_commas(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

std::string json_string(std::string_view text) {
  return trace::json_text(text);
}

}  // namespace ringside::tools
