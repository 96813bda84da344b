// Wrapped sentences for the user and JSON strings.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ringside::tools {

inline constexpr std::size_t text_columns = 79;

/// Prints to stdout in lines of at most text_columns. The first line begins with `first_indent`, the others
/// with `indent`. A longer word gets its own line.
void print_wrapped(std::string_view text, std::string_view first_indent, std::string_view indent);
inline void print_wrapped(std::string_view text, std::string_view indent) {
  print_wrapped(text, indent, indent);
}

/// "9,117"
[[nodiscard]] std::string with_commas(std::uint64_t number);

/// `text` as a JSON string, including its quotes.
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace ringside::tools
