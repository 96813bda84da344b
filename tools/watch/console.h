// What a terminal of 80 columns and 24 rows would show of the bytes that it was sent: enough of a VT100 for
// shells, their line editing, and programs that paint the whole screen.
//
// Pure, bounded by its size, and indifferent to what a guest sends: what it does not know it leaves out.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace ringside::tools {

class ConsoleScreen {
 public:
  static constexpr std::size_t columns = 80;
  static constexpr std::size_t rows = 24;
  using Row = std::array<char32_t, columns>;

  void take(std::span<const std::uint8_t> bytes);

  [[nodiscard]] const Row& row(std::size_t at) const { return cells_[at]; }
  [[nodiscard]] std::size_t cursor_row() const { return row_; }
  [[nodiscard]] std::size_t cursor_column() const { return column_; }
  /// Rows down to the last that has something, or the cursor.
  [[nodiscard]] std::size_t used_rows() const;

  ConsoleScreen() { clear(0, rows); }

 private:
  enum class State : std::uint8_t { text, escape, charset, sequence, string, string_escape };
  static constexpr std::size_t numbers_max = 4;

  void text(std::uint8_t byte);
  void character(char32_t character);
  void control(std::uint8_t byte);
  void sequence(std::uint8_t byte);
  void obey(char letter);
  void line_feed();
  void clear(std::size_t first, std::size_t end);
  void clear_columns(std::size_t first, std::size_t end);
  /// The number at that place of a sequence; `otherwise` when none was given.
  [[nodiscard]] std::size_t number(std::size_t at, std::size_t otherwise) const;

  std::array<Row, rows> cells_{};
  std::size_t row_ = 0;
  std::size_t column_ = 0;  ///< columns: the next character begins a line
  State state_ = State::text;
  std::array<std::uint16_t, numbers_max> numbers_{};
  std::size_t numbers_used_ = 0;
  bool private_ = false;
  char32_t partial_ = 0;  ///< of a character of several bytes
  unsigned missing_ = 0;  ///< bytes of it
};

}  // namespace ringside::tools
