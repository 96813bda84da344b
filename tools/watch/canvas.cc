// Cells, and their possible contents.
#include "tools/watch/canvas.h"

#include <algorithm>
#include <utility>

namespace ringside::tools {

namespace {

constexpr char32_t substitute = U'?';

struct LineCharacter {
  char32_t drawn;
  char32_t ascii;
};

LineCharacter line_character(Line part) {
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

bool is_one_of(std::span<const std::pair<char32_t, char32_t>> ranges, char32_t character) {
  return std::ranges::any_of(ranges, [character](const auto& range) {
    return character >= range.first && character <= range.second;
  });
}

/// Characters that are invisible, or change how others are shown: controls, soft hyphen, joiners and
/// variation selectors, direction marks, surrogates, tags, and values outside Unicode.
bool is_invisible(char32_t character) {
  static constexpr std::pair<char32_t, char32_t> ranges[] = {
      {0, 0x1f},        {0x7f, 0x9f},     {0xad, 0xad},       {0x61c, 0x61c},        {0x180b, 0x180e},
      {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},   {0xd800, 0xdfff},      {0xfe00, 0xfe0f},
      {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xe0000, 0xe0fff}, {0x110000, 0xffffffff}};
  return is_one_of(ranges, character);
}

}  // namespace

bool fills_one_column(char32_t character) {
  // Without the soft hyphen, and without marks that combine with the character before them.
  static constexpr std::pair<char32_t, char32_t> ranges[] = {
      {0x20, 0x7e},     {0xa1, 0xac},     {0xae, 0x24f},    {0x391, 0x3a1},
      {0x3a3, 0x3ff},   {0x400, 0x482},   {0x48a, 0x52f},   {0x2013, 0x2014},
      {0x2018, 0x201e}, {0x2022, 0x2022}, {0x2026, 0x2026}, {0x2500, 0x259f}};
  return is_one_of(ranges, character);
}

void Canvas::put(std::size_t row, std::size_t column, char32_t character, Tone tone) {
  if (row >= rows_ || column >= columns_) return;
  const bool shown = ascii_ ? is_ascii(character) : fills_one_column(character);
  cells_[row * columns_ + column] = {{.character = shown ? character : substitute}, tone};
}

void Canvas::put(std::size_t row, std::size_t column, const Glyph& glyph, Tone tone) {
  if (row >= rows_ || column >= columns_ || glyph.columns == 0) return;
  const bool has_room = column + glyph.columns <= columns_;
  const bool shown = has_room && (ascii_ ? is_ascii(glyph.character) : !is_invisible(glyph.character));
  Cell* cell = &cells_[row * columns_ + column];
  *cell = {{.character = shown ? glyph.character : substitute, .marks = {}, .columns = 1}, tone};
  if (shown && !ascii_) {
    cell->glyph.columns = glyph.columns;
    std::ranges::remove_copy_if(glyph.marks, cell->glyph.marks.begin(), is_invisible);
  }
  if (glyph.columns == 1 || !has_room) return;
  const std::uint8_t beside = cell->glyph.columns == 1 ? 1 : 0;
  cell[1] = {{.character = beside ? U' ' : U'\0', .marks = {}, .columns = beside}, tone};
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
  const LineCharacter stroke = line_character(part);
  cells_[row * columns_ + column] = {{.character = ascii_ ? stroke.ascii : stroke.drawn}, tone};
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
