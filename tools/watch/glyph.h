// The contents of one cell of a screen: a character, its combining marks, and how many columns they take.
#pragma once

#include <array>
#include <cstdint>

namespace ringside::tools {

/// Further marks on one character are not shown.
inline constexpr std::size_t marks_max = 2;

struct Glyph {
  char32_t character = U' ';
  std::array<char32_t, marks_max> marks{};  ///< combining marks, such as accents; 0: none
  std::uint8_t columns = 1;                 ///< 2: a wide one; 0: the right half of the one before
  friend bool operator==(const Glyph&, const Glyph&) = default;
};

}  // namespace ringside::tools
