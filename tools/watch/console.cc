// Converts bytes to cells, with libvterm.
#include "tools/watch/console.h"

#include <vterm.h>

#include <algorithm>

namespace ringside::tools {

namespace {

/// libvterm's value for the right half of a wide character.
constexpr std::uint32_t right_half = 0xffffffff;

/// The number of bytes at the end that belong to an incomplete character.
std::size_t unfinished(std::string_view text) {
  constexpr std::size_t character_bytes_max = 4;
  for (std::size_t back = 1; back < character_bytes_max && back <= text.size(); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xc0) == 0x80) continue;
    const std::size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

std::string_view text_in(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

class ConsoleScreen::Terminal {
 public:
  explicit Terminal(std::string_view sent) : terminal_(vterm_new(rows, columns)), ruler_(vterm_new(1, 4)) {
    vterm_set_utf8(terminal_.get(), 1);
    vterm_set_utf8(ruler_.get(), 1);
    vterm_state_reset(vterm_obtain_state(ruler_.get()), 1);
    // The terminal's answers to queries (for the cursor's position, for example) are discarded: they are not
    // input of the guest.
    vterm_output_set_callback(
        terminal_.get(), [](const char*, std::size_t, void*) {}, nullptr);
    screen_ = vterm_obtain_screen(terminal_.get());
    vterm_screen_enable_altscreen(screen_, 1);
    vterm_screen_reset(screen_, 1);
    write(sent);
  }

  /// libvterm takes a character whose bytes come in two calls for two invalid ones, so the first bytes wait
  /// here.
  void write(std::string_view text) {
    held_ += text;
    const std::size_t whole = held_.size() - unfinished(held_);
    vterm_input_write(terminal_.get(), held_.data(), whole);
    held_.erase(0, whole);
  }

  [[nodiscard]] Row row(std::size_t at) const {
    Row row;
    for (std::size_t column = 0; column < columns; ++column) row[column] = glyph(at, column);
    // Where something else was written over one half of a wide character, libvterm leaves the other half.
    for (std::size_t column = 0; column < columns; ++column) {
      const bool has_left = column > 0 && row[column - 1].columns == 2;
      const bool has_right = column + 1 < columns && row[column + 1].columns == 0;
      if ((row[column].columns == 2 && !has_right) || (row[column].columns == 0 && !has_left))
        row[column] = Glyph();
    }
    return row;
  }

  [[nodiscard]] VTermPos cursor() const {
    VTermPos at{};
    vterm_state_get_cursorpos(vterm_obtain_state(terminal_.get()), &at);
    return at;
  }

 private:
  struct Free {
    void operator()(VTerm* terminal) const { vterm_free(terminal); }
  };

  [[nodiscard]] Glyph glyph(std::size_t row, std::size_t column) const {
    VTermScreenCell cell{};
    vterm_screen_get_cell(screen_, {.row = static_cast<int>(row), .col = static_cast<int>(column)}, &cell);
    Glyph glyph;
    if (cell.chars[0] == right_half) return {.character = 0, .marks = {}, .columns = 0};
    if (cell.chars[0] == 0) return glyph;
    glyph.character = cell.chars[0];
    glyph.columns = columns_of(glyph.character);
    for (std::size_t at = 0; at < marks_max && cell.chars[at + 1] != 0; ++at)
      glyph.marks[at] = cell.chars[at + 1];
    return glyph;
  }

  /// The number of columns by which libvterm moves the cursor for the character. (A cell's own width only
  /// says what is to the right of the cell.)
  [[nodiscard]] std::uint8_t columns_of(char32_t character) const {
    constexpr char32_t first_wide = 0x1100;
    if (character < first_wide) return 1;
    std::string text = "\r";
    append_utf8(text, character);
    vterm_input_write(ruler_.get(), text.data(), text.size());
    VTermPos at{};
    vterm_state_get_cursorpos(vterm_obtain_state(ruler_.get()), &at);
    return at.col == 2 ? 2 : 1;
  }

  std::unique_ptr<VTerm, Free> terminal_;
  std::unique_ptr<VTerm, Free> ruler_;  ///< one row, to measure characters with
  VTermScreen* screen_ = nullptr;
  std::string held_;
};

ConsoleScreen::ConsoleScreen() = default;
ConsoleScreen::~ConsoleScreen() = default;
ConsoleScreen::ConsoleScreen(const ConsoleScreen& other) : sent_(other.sent_) {}
ConsoleScreen& ConsoleScreen::operator=(const ConsoleScreen& other) {
  sent_ = other.sent_;
  terminal_.reset();
  return *this;
}

void ConsoleScreen::take(std::span<const std::uint8_t> bytes) {
  terminal().write(text_in(bytes));
  remember(bytes);
}

ConsoleScreen::Terminal& ConsoleScreen::terminal() const {
  if (!terminal_) terminal_ = std::make_unique<Terminal>(sent_);
  return *terminal_;
}

/// Keeps the bytes, and discards the oldest if there are too many. Cuts at the end of a line if there is one:
/// no character or sequence is split there.
void ConsoleScreen::remember(std::span<const std::uint8_t> bytes) {
  sent_ += text_in(bytes);
  if (sent_.size() <= 2 * console_bytes_kept) return;
  const std::size_t cut = sent_.size() - console_bytes_kept;
  const std::size_t line = sent_.find('\n', cut);
  sent_.erase(0, line == std::string::npos ? cut : line + 1);
}

ConsoleScreen::Row ConsoleScreen::row(std::size_t at) const {
  return terminal().row(at);
}

std::size_t ConsoleScreen::cursor_row() const {
  return static_cast<std::size_t>(terminal().cursor().row);
}

std::size_t ConsoleScreen::cursor_column() const {
  return static_cast<std::size_t>(terminal().cursor().col);
}

std::size_t ConsoleScreen::used_rows() const {
  std::size_t used = rows;
  const auto is_blank = [](const Row& row) {
    return std::ranges::all_of(row, [](const Glyph& each) { return each == Glyph(); });
  };
  while (used > cursor_row() + 1 && is_blank(row(used - 1))) --used;
  return used;
}

}  // namespace ringside::tools
