// What one place of a screen shows: a character, what combines with it, and how many columns that takes.
#pragma once

#include <array>
#include <cstdint>

namespace ringside::tools {

/// More marks than that on one character are not shown.
inline constexpr std::size_t marks_max = 2;

struct Glyph {
  char32_t character = U' ';
  std::array<char32_t, marks_max> marks{};  ///< accents and the like that stand on it; 0: none
  std::uint8_t columns = 1;  ///< 2: a wide one; 0: nothing, the right half of the one before it
  friend bool operator==(const Glyph&, const Glyph&) = default;
};

}  // namespace ringside::tools
