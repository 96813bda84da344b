// What a terminal of 80 columns and 24 rows would show of the bytes that it was sent: enough of a VT100, a
// Linux console and an xterm for shells, editors and pagers.
//
// Pure, bounded by its size, and indifferent to what a guest sends: what it does not know it leaves out.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>

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
  void escape(std::uint8_t byte);
  void sequence(std::uint8_t byte);
  [[nodiscard]] bool move_cursor(char letter);
  void change_cells(char letter);
  void obey_private(char letter);
  void line_feed();
  void reverse_line_feed();
  /// From a row of the scrolling region to its end.
  void scroll_up(std::size_t first, std::size_t many);
  void scroll_down(std::size_t first, std::size_t many);
  void clear(std::size_t first, std::size_t end);
  void clear_columns(std::size_t first, std::size_t end);
  /// The number at that place of a sequence; `otherwise` when none was given.
  [[nodiscard]] std::size_t number(std::size_t at, std::size_t otherwise) const;

  using Place = std::pair<std::size_t, std::size_t>;  ///< row and column

  std::array<Row, rows> cells_{};
  std::size_t row_ = 0;
  std::size_t column_ = 0;         ///< columns: the next character begins a line
  std::size_t region_first_ = 0;   ///< the rows that scroll
  std::size_t region_end_ = rows;  ///< behind the last of them
  Place saved_;
  std::array<Row, rows> other_cells_{};  ///< of the screen that is not shown
  bool on_second_ = false;
  Place left_at_;  ///< the cursor on the first one
  State state_ = State::text;
  std::array<std::uint16_t, numbers_max> numbers_{};
  std::size_t numbers_used_ = 0;
  bool private_ = false;
  char32_t partial_ = 0;  ///< of a character of several bytes
  unsigned missing_ = 0;  ///< bytes of it
};

}  // namespace ringside::tools
