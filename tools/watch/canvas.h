// A screen as cells: one glyph and one tone each. The drawing code chooses a meaning (a request, a fault);
// the terminal code chooses the colours and attributes for it.
//
// Pure. Its contents may come from a guest: no cell contains a control or formatting character. A character
// that must not be shown becomes '?'. Writes outside the canvas are ignored.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tools/watch/glyph.h"

namespace ringside::tools {

enum class Tone : std::uint8_t {
  plain,
  strong,    ///< a heading, a name
  quiet,     ///< for orientation: lines, future steps
  title,     ///< the bar at the top
  chosen,    ///< the selected step
  request,   ///< a slot without a response yet
  response,  ///< a slot whose response has not been taken yet
  event,
  bad,  ///< lost, refused, full, a quirk
};
inline constexpr std::size_t tones = 9;

struct Cell {
  Glyph glyph;
  Tone tone = Tone::plain;
  friend bool operator==(const Cell&, const Cell&) = default;
};

/// Line drawing; each has an ASCII replacement.
enum class Line : std::uint8_t { across, down, rightwards, leftwards, begin, note };

/// Whether every terminal prints it in one column. True only for certain cases: Latin, Greek, Cyrillic, line
/// drawing.
[[nodiscard]] bool fills_one_column(char32_t character);

class Canvas {
 public:
  Canvas(std::size_t columns, std::size_t rows, bool ascii)
      : columns_(columns), rows_(rows), ascii_(ascii), cells_(columns * rows) {}

  [[nodiscard]] std::size_t columns() const { return columns_; }
  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::span<const Cell> row(std::size_t row) const {
    return std::span(cells_).subspan(row * columns_, columns_);
  }

  /// Each byte is a character. Returns the column after the text. Nothing at or beyond `end` is written.
  std::size_t text(std::size_t row, std::size_t column, std::string_view text, Tone tone = Tone::plain,
                   std::size_t end = ~std::size_t{0});
  void put(std::size_t row, std::size_t column, char32_t character, Tone tone = Tone::plain);
  /// A wide glyph takes two cells; putting its right half alone changes nothing. Marks that a terminal might
  /// join with the next character are left out.
  void put(std::size_t row, std::size_t column, const Glyph& glyph, Tone tone = Tone::plain);
  void line(std::size_t row, std::size_t column, Line part, Tone tone = Tone::quiet);
  /// A line across the whole row with words in it.
  void heading(std::size_t row, std::string_view words);
  /// Gives the whole row that tone and keeps its contents.
  void tint(std::size_t row, Tone tone);

 private:
  std::size_t columns_;
  std::size_t rows_;
  bool ascii_;
  std::vector<Cell> cells_;
};

}  // namespace ringside::tools
