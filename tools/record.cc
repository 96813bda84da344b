// Reads and writes lines "name: value".
#include "tools/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "tools/in_file.h"
#include "tools/options.h"

namespace ringside::tools {

Result<Record> Record::read(const std::string& what, const std::string& path) {
  if (auto checked = check_input(what, path, record_bytes_max, Streams::refused); !checked)
    return checked.error();
  std::ifstream file(path, std::ios::binary);
  Record record;
  unsigned number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    // A text that was sent by mail may have other ends of lines.
    if (line.ends_with('\r')) line.pop_back();
    const std::size_t colon = line.find(": ");
    if (colon == std::string::npos || colon == 0)
      return Error{EINVAL, what, fmt::format("{}:{}", path, number), "a line has the form \"name: value\"",
                   "the program writes this file; do not edit it"};
    record.lines_.emplace_back(line.substr(0, colon), line.substr(colon + 2));
  }
  return record;
}

std::string Record::get(std::string_view name) const {
  const auto found = std::ranges::find(lines_, name, [](const auto& line) { return line.first; });
  return found == lines_.end() ? "" : found->second;
}

std::uint32_t Record::number(std::string_view name) const {
  return static_cast<std::uint32_t>(number_in_option(get(name)).value_or(0));
}

void Record::set(const std::string& name, const std::string& value) {
  const auto found = std::ranges::find(lines_, name, [](const auto& line) { return line.first; });
  if (found != lines_.end()) {
    found->second = value;
  } else {
    lines_.emplace_back(name, value);
  }
}

std::vector<std::pair<std::string, std::string>> Record::with_prefix(std::string_view prefix) const {
  std::vector<std::pair<std::string, std::string>> found;
  for (const auto& [name, value] : lines_) {
    if (name.starts_with(prefix)) found.emplace_back(name.substr(prefix.size()), value);
  }
  return found;
}

std::string Record::text() const {
  std::string text;
  for (const auto& [name, value] : lines_) text += fmt::format("{}: {}\n", name, value);
  return text;
}

}  // namespace ringside::tools
