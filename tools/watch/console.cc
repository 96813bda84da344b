// Bytes to cells.
#include "tools/watch/console.h"

#include <algorithm>

namespace ringside::tools {

namespace {

constexpr char32_t unknown_character = 0xfffd;
constexpr std::uint16_t number_max = 999;
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
        else
          state_ = byte == '(' || byte == ')' || byte == '#' ? State::charset : State::text;
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

void ConsoleScreen::line_feed() {
  if (row_ + 1 < rows) {
    ++row_;
    return;
  }
  std::ranges::copy(std::span(cells_).subspan(1), cells_.begin());
  clear(rows - 1, rows);
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
    if (!private_) obey(static_cast<char>(byte));
  } else if (byte < 0x20) {
    state_ = State::text;
    control(byte);
  }
}

std::size_t ConsoleScreen::number(std::size_t at, std::size_t otherwise) const {
  return numbers_[at] == 0 ? otherwise : numbers_[at];
}

void ConsoleScreen::obey(char letter) {
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
  } else if (letter == 'K') {
    clear_columns(numbers_[0] == 0 ? column_ : 0, numbers_[0] == 1 ? column + 1 : columns);
  } else if (letter == 'J') {
    if (numbers_[0] != 1) clear_columns(numbers_[0] == 0 ? column_ : 0, columns);
    if (numbers_[0] == 1) clear_columns(0, column + 1);
    if (numbers_[0] != 1) clear(row_ + 1, rows);
    if (numbers_[0] != 0) clear(0, row_);
  }
}

}  // namespace ringside::tools
