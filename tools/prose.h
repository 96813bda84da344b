// How tools print sentences, and strings for programs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ringside::tools {

inline constexpr std::size_t text_columns = 92;

/// To stdout, in lines of at most text_columns: the first begins with `first_indent`, the others with
/// `indent`. A longer word has a line of its own.
void print_wrapped(std::string_view text, std::string_view first_indent, std::string_view indent);
inline void print_wrapped(std::string_view text, std::string_view indent) {
  print_wrapped(text, indent, indent);
}

/// "9,117"
[[nodiscard]] std::string with_commas(std::uint64_t number);

/// `text` as a JSON string, its quotes included.
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace ringside::tools
