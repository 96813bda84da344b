// Cells, and what may be in one.
#include "tools/watch/canvas.h"

#include <algorithm>

namespace ringside::tools {

namespace {

constexpr char32_t substitute = U'?';

struct Glyph {
  char32_t drawn;
  char32_t ascii;
};

Glyph glyph_of(Line part) {
  switch (part) {
    case Line::across:
      return {U'\u2500', U'-'};
    case Line::down:
      return {U'\u2502', U'|'};
    case Line::rightwards:
      return {U'\u25ba', U'>'};
    case Line::leftwards:
      return {U'\u25c4', U'<'};
    case Line::begin:
      return {U'\u25cb', U'o'};
    case Line::note:
      return {U'\u25cf', U'*'};
  }
  return {substitute, substitute};
}

bool is_ascii(char32_t character) {
  return character >= 0x20 && character < 0x7f;
}

}  // namespace

bool fills_one_column(char32_t character) {
  struct Range {
    char32_t first;
    char32_t last;
  };
  // Without the soft hyphen, and without marks that combine with what stands before them.
  static constexpr Range ranges[] = {{0x20, 0x7e},     {0xa1, 0xac},     {0xae, 0x24f},    {0x391, 0x3a1},
                                     {0x3a3, 0x3ff},   {0x400, 0x482},   {0x48a, 0x52f},   {0x2013, 0x2014},
                                     {0x2018, 0x201e}, {0x2022, 0x2022}, {0x2026, 0x2026}, {0x2500, 0x259f}};
  return std::ranges::any_of(
      ranges, [character](Range range) { return character >= range.first && character <= range.last; });
}

void Canvas::put(std::size_t row, std::size_t column, char32_t character, Tone tone) {
  if (row >= rows_ || column >= columns_) return;
  const bool shown = ascii_ ? is_ascii(character) : fills_one_column(character);
  cells_[row * columns_ + column] = {shown ? character : substitute, tone};
}

std::size_t Canvas::text(std::size_t row, std::size_t column, std::string_view text, Tone tone,
                         std::size_t end) {
  for (const char each : text) {
    if (column >= end) break;
    const auto byte = static_cast<unsigned char>(each);
    put(row, column++, byte < 0x80 ? char32_t{byte} : substitute, tone);
  }
  return column;
}

void Canvas::line(std::size_t row, std::size_t column, Line part, Tone tone) {
  if (row >= rows_ || column >= columns_) return;
  const Glyph glyph = glyph_of(part);
  cells_[row * columns_ + column] = {ascii_ ? glyph.ascii : glyph.drawn, tone};
}

void Canvas::heading(std::size_t row, std::string_view words) {
  for (std::size_t column = 0; column < columns_; ++column) line(row, column, Line::across);
  constexpr std::size_t indent = 2;
  text(row, indent, " ");
  text(row, text(row, indent + 1, words, Tone::strong), " ");
}

void Canvas::tint(std::size_t row, Tone tone) {
  if (row >= rows_) return;
  for (std::size_t column = 0; column < columns_; ++column) cells_[row * columns_ + column].tone = tone;
}

}  // namespace ringside::tools
