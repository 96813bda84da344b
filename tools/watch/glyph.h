// The contents of one cell of a screen: a character, its combining marks, and how many columns they take.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace ringside::tools {

/// Further marks on one character are not shown.
inline constexpr std::size_t marks_max = 2;

struct Glyph {
  char32_t character = U' ';
  std::array<char32_t, marks_max> marks{};  ///< combining marks, such as accents; 0: none
  std::uint8_t columns = 1;                 ///< 2: a wide character; 0: the right half of the one before
  friend bool operator==(const Glyph&, const Glyph&) = default;
};

/// `character` is a value of Unicode.
void append_utf8(std::string& out, char32_t character);
/// Appends the character and its marks. Must not be called for the right half of a wide character.
void append_utf8(std::string& out, const Glyph& glyph);

}  // namespace ringside::tools
