// The user's terminal: raw while a console is attached; and its size.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace ringside {

struct WindowSize {
  std::uint16_t rows;
  std::uint16_t columns;
};

/// Empty when the descriptor is not a terminal.
[[nodiscard]] std::optional<WindowSize> window_size(int fd);
[[nodiscard]] bool is_terminal(int fd);

struct KeptTerminal;

/// Puts a terminal into raw mode and restores it. Has no effect on anything else. A signal that ends the
/// process also restores it first: any but SIGKILL, if it was neither caught nor ignored when the terminal
/// was taken.
class RawTerminal {
 public:
  enum class When { drained, now };  ///< whether to wait for output in transit
  /// Such a signal writes `parting` to stdout, for a terminal with more to restore.
  explicit RawTerminal(int fd, When when = When::drained, std::string parting = "");
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

  /// Restores it, until it is taken again.
  void give_back();
  void take();

 private:
  int when_;
  std::unique_ptr<KeptTerminal> kept_;
};

}  // namespace ringside
