// The screen of a terminal of 80 columns and 24 rows, from the bytes sent to it. libvterm does the emulation:
// it supports VT220 and xterm, widths and combining marks, and accepts any bytes of a guest.
//
// It is a value: it can be copied, which libvterm's terminals cannot. A copy keeps the last bytes that were
// sent, and makes a terminal of its own when it is drawn or gets more bytes. It is exact while no more than
// twice console_bytes_kept have been sent; after that it shows the last bytes only. Its memory is bounded.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "tools/watch/glyph.h"

namespace ringside::tools {

/// The least number of bytes that are kept; up to twice as many may be.
inline constexpr std::size_t console_bytes_kept = std::size_t{16} << 10;

class ConsoleScreen {
 public:
  static constexpr std::size_t columns = 80;
  static constexpr std::size_t rows = 24;
  using Row = std::array<Glyph, columns>;

  ConsoleScreen();
  ConsoleScreen(const ConsoleScreen& other);
  ConsoleScreen& operator=(const ConsoleScreen& other);
  ~ConsoleScreen();

  void take(std::span<const std::uint8_t> bytes);

  [[nodiscard]] Row row(std::size_t at) const;
  [[nodiscard]] std::size_t cursor_row() const;
  [[nodiscard]] std::size_t cursor_column() const;
  /// Rows down to the last one that is not empty, or that has the cursor.
  [[nodiscard]] std::size_t used_rows() const;

 private:
  class Terminal;
  [[nodiscard]] Terminal& terminal() const;
  void remember(std::span<const std::uint8_t> bytes);

  std::string sent_;                            ///< the last bytes sent
  mutable std::unique_ptr<Terminal> terminal_;  ///< null: not needed since it was copied
};

}  // namespace ringside::tools
