// A screen as cells: one glyph and one tone each. Whoever draws says what something means (a request, a
// fault), whoever has the terminal knows by which colours and attributes that is shown.
//
// Pure. What is put into it comes from a guest, too: no cell holds what a terminal would obey or reorder.
// Whatever is none to be shown is shown as '?', and nothing is written outside.
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
  quiet,     ///< there to find one's way: lines, what is to come
  title,     ///< the bar at the top
  chosen,    ///< the step that is looked at
  request,   ///< a slot that waits for its answer
  response,  ///< a slot whose response waits to be taken
  event,
  bad,  ///< lost, turned away, full, a quirk
};
inline constexpr std::size_t tones = 9;

struct Cell {
  Glyph glyph;
  Tone tone = Tone::plain;
  friend bool operator==(const Cell&, const Cell&) = default;
};

/// Line drawing, each with its stand-in where there is only ASCII.
enum class Line : std::uint8_t { across, down, rightwards, leftwards, begin, note };

/// Whether any terminal prints it in one column. Told of what is certain: Latin, Greek, Cyrillic, line
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

  /// Each byte is a character; answers the column behind the text. Nothing at or beyond `end` is written.
  std::size_t text(std::size_t row, std::size_t column, std::string_view text, Tone tone = Tone::plain,
                   std::size_t end = ~std::size_t{0});
  void put(std::size_t row, std::size_t column, char32_t character, Tone tone = Tone::plain);
  /// A wide one takes two cells; its right half, put by itself, changes nothing. Marks that a terminal might
  /// join with what follows are left out.
  void put(std::size_t row, std::size_t column, const Glyph& glyph, Tone tone = Tone::plain);
  void line(std::size_t row, std::size_t column, Line part, Tone tone = Tone::quiet);
  /// A line across the whole row with words in it.
  void heading(std::size_t row, std::string_view words);
  /// The whole row in that tone, whatever is in it.
  void tint(std::size_t row, Tone tone);

 private:
  std::size_t columns_;
  std::size_t rows_;
  bool ascii_;
  std::vector<Cell> cells_;
};

}  // namespace ringside::tools
