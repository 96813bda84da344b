// Bytes to cells.
#include "tools/watch/console.h"

#include <algorithm>
#include <tuple>

namespace ringside::tools {

namespace {

constexpr char32_t unknown_character = 0xfffd;
constexpr std::uint16_t number_max = 9999;
constexpr std::uint8_t escape_byte = 0x1b;
constexpr std::uint8_t bell = 0x07;
constexpr std::uint8_t deleted = 0x7f;
constexpr std::size_t tab_columns = 8;

bool is_blank(const ConsoleScreen::Row& row) {
  return std::ranges::all_of(row, [](char32_t each) { return each == U' '; });
}

}  // namespace

void ConsoleScreen::take(std::span<const std::uint8_t> bytes) {
  for (const std::uint8_t byte : bytes) {
    switch (state_) {
      case State::text:
        text(byte);
        break;
      case State::escape:
        numbers_ = {};
        numbers_used_ = 0;
        private_ = false;
        if (byte == '[')
          state_ = State::sequence;
        else if (byte == ']' || byte == 'P' || byte == '_' || byte == '^' || byte == 'X')
          state_ = State::string;
        else if (byte == '(' || byte == ')' || byte == '#')
          state_ = State::charset;
        else
          escape(byte);
        break;
      case State::charset:
        state_ = State::text;
        break;
      case State::sequence:
        sequence(byte);
        break;
      case State::string:
        if (byte == bell) state_ = State::text;
        if (byte == escape_byte) state_ = State::string_escape;
        break;
      case State::string_escape:
        state_ = byte == '\\' ? State::text : State::string;
        break;
    }
  }
}

std::size_t ConsoleScreen::used_rows() const {
  std::size_t used = rows;
  while (used > row_ + 1 && is_blank(cells_[used - 1])) --used;
  return used;
}

void ConsoleScreen::text(std::uint8_t byte) {
  constexpr std::uint8_t continuation = 0x80;
  if (missing_ > 0) {
    if ((byte & 0xc0) == continuation) {
      partial_ = partial_ << 6 | (byte & 0x3f);
      if (--missing_ == 0) character(partial_);
      return;
    }
    missing_ = 0;
    character(unknown_character);
  }
  if (byte < 0x20 || byte == deleted) return control(byte);
  if (byte < continuation) return character(byte);
  const unsigned length = byte >= 0xf5 ? 1 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1;
  if (length == 1) return character(unknown_character);
  missing_ = length - 1;
  partial_ = byte & (0x7fu >> length);
}

void ConsoleScreen::character(char32_t character) {
  if (column_ == columns) {
    column_ = 0;
    line_feed();
  }
  cells_[row_][column_++] = character;
}

void ConsoleScreen::control(std::uint8_t byte) {
  if (byte == escape_byte)
    state_ = State::escape;
  else if (byte == '\n')
    line_feed();
  else if (byte == '\r')
    column_ = 0;
  else if (byte == '\b')
    column_ -= column_ > 0 ? 1 : 0;
  else if (byte == '\t')
    column_ = std::min((column_ / tab_columns + 1) * tab_columns, columns - 1);
}

void ConsoleScreen::escape(std::uint8_t byte) {
  state_ = State::text;
  if (byte == 'D' || byte == 'E') line_feed();
  if (byte == 'E') column_ = 0;
  if (byte == 'M') reverse_line_feed();
  if (byte == '7') saved_ = {row_, column_};
  if (byte == '8') std::tie(row_, column_) = saved_;
  if (byte == 'c') *this = ConsoleScreen();
}

void ConsoleScreen::line_feed() {
  if (row_ + 1 == region_end_)
    scroll_up(region_first_, 1);
  else if (row_ + 1 < rows)
    ++row_;
}

void ConsoleScreen::reverse_line_feed() {
  if (row_ == region_first_)
    scroll_down(region_first_, 1);
  else if (row_ > 0)
    --row_;
}

void ConsoleScreen::scroll_up(std::size_t first, std::size_t many) {
  many = std::min(many, region_end_ - first);
  const auto region = std::span(cells_).subspan(first, region_end_ - first);
  std::shift_left(region.begin(), region.end(), static_cast<std::ptrdiff_t>(many));
  clear(region_end_ - many, region_end_);
}

void ConsoleScreen::scroll_down(std::size_t first, std::size_t many) {
  many = std::min(many, region_end_ - first);
  const auto region = std::span(cells_).subspan(first, region_end_ - first);
  std::shift_right(region.begin(), region.end(), static_cast<std::ptrdiff_t>(many));
  clear(first, first + many);
}

void ConsoleScreen::clear(std::size_t first, std::size_t end) {
  for (std::size_t at = first; at < end; ++at) cells_[at].fill(U' ');
}

void ConsoleScreen::clear_columns(std::size_t first, std::size_t end) {
  for (std::size_t at = first; at < std::min(end, columns); ++at) cells_[row_][at] = U' ';
}

void ConsoleScreen::sequence(std::uint8_t byte) {
  if (byte >= '0' && byte <= '9') {
    numbers_used_ = std::max<std::size_t>(numbers_used_, 1);
    std::uint16_t& last = numbers_[std::min(numbers_used_, numbers_max) - 1];
    last = std::min<std::uint16_t>(static_cast<std::uint16_t>(last * 10 + (byte - '0')), number_max);
  } else if (byte == ';') {
    numbers_used_ = std::min(std::max<std::size_t>(numbers_used_, 1) + 1, numbers_max);
  } else if (byte >= '<' && byte <= '?') {
    private_ = true;
  } else if (byte >= '@') {
    state_ = State::text;
    if (private_)
      obey_private(static_cast<char>(byte));
    else if (!move_cursor(static_cast<char>(byte)))
      change_cells(static_cast<char>(byte));
  } else if (byte < 0x20) {
    state_ = State::text;
    control(byte);
  }
}

std::size_t ConsoleScreen::number(std::size_t at, std::size_t otherwise) const {
  return numbers_[at] == 0 ? otherwise : numbers_[at];
}

/// False: that is no movement.
bool ConsoleScreen::move_cursor(char letter) {
  const std::size_t many = number(0, 1);
  const std::size_t column = std::min(column_, columns - 1);
  if (letter == 'A') {
    row_ -= std::min(many, row_);
  } else if (letter == 'B') {
    row_ = std::min(row_ + many, rows - 1);
  } else if (letter == 'C') {
    column_ = std::min(column + many, columns - 1);
  } else if (letter == 'D') {
    column_ = column - std::min(many, column);
  } else if (letter == 'G') {
    column_ = std::min(many, columns) - 1;
  } else if (letter == 'd') {
    row_ = std::min(many, rows) - 1;
  } else if (letter == 'H' || letter == 'f') {
    row_ = std::min(many, rows) - 1;
    column_ = std::min(number(1, 1), columns) - 1;
  } else if (letter == 'r') {
    const std::size_t end = std::min(number(1, rows), rows);
    if (many >= end) return true;
    region_first_ = many - 1;
    region_end_ = end;
    row_ = column_ = 0;
  } else {
    return false;
  }
  return true;
}

void ConsoleScreen::change_cells(char letter) {
  const std::size_t many = number(0, 1);
  const std::size_t column = std::min(column_, columns - 1);
  const auto rest = std::span(cells_[row_]).subspan(column);
  const bool in_region = row_ >= region_first_ && row_ < region_end_;
  if (letter == 'K' || letter == 'J') {
    clear_columns(numbers_[0] == 0 ? column_ : 0, numbers_[0] == 1 ? column + 1 : columns);
    if (letter == 'J' && numbers_[0] != 1) clear(row_ + 1, rows);
    if (letter == 'J' && numbers_[0] != 0) clear(0, row_);
  } else if (letter == 'X') {
    clear_columns(column, column + many);
  } else if (letter == 'P') {
    std::shift_left(rest.begin(), rest.end(), static_cast<std::ptrdiff_t>(std::min(many, rest.size())));
    clear_columns(columns - std::min(many, rest.size()), columns);
  } else if (letter == '@') {
    std::shift_right(rest.begin(), rest.end(), static_cast<std::ptrdiff_t>(std::min(many, rest.size())));
    clear_columns(column, column + many);
  } else if (letter == 'L' && in_region) {
    scroll_down(row_, many);
  } else if (letter == 'M' && in_region) {
    scroll_up(row_, many);
  } else if (letter == 'S') {
    scroll_up(region_first_, many);
  } else if (letter == 'T') {
    scroll_down(region_first_, many);
  }
}

/// Programs that paint the whole screen do so on a second one, and give the first back as it was.
void ConsoleScreen::obey_private(char letter) {
  const bool about_screens = numbers_[0] == 47 || numbers_[0] == 1047 || numbers_[0] == 1049;
  const bool second = letter == 'h';
  if (!about_screens || (!second && letter != 'l') || second == on_second_) return;
  on_second_ = second;
  std::swap(cells_, other_cells_);
  if (second) {
    left_at_ = {row_, column_};
    clear(0, rows);
  } else {
    std::tie(row_, column_) = left_at_;
  }
}

}  // namespace ringside::tools
