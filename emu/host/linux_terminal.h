// The terminal that a person sits at: raw for as long as a console is attached, and its size.
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

/// Nothing when the descriptor is not a terminal.
[[nodiscard]] std::optional<WindowSize> window_size(int fd);
[[nodiscard]] bool is_terminal(int fd);
/// A pipe or a socket: something with a reader.
[[nodiscard]] bool is_pipe(int fd);

struct KeptTerminal;

/// Puts a terminal into raw mode and back. Does nothing on anything else. A signal that ends the process puts
/// it back, too, and then ends the process: any but SIGKILL that nobody has caught or ignored by the time
/// that the terminal is taken.
class RawTerminal {
 public:
  enum class When { drained, now };  ///< whether output that is on its way is waited for
  /// `parting` is written to stdout by such a signal, for a terminal that has more to be put back.
  explicit RawTerminal(int fd, When when = When::drained, std::string parting = "");
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

  /// As it was, until it is taken again.
  void give_back();
  void take();

 private:
  int when_;
  std::unique_ptr<KeptTerminal> kept_;
};

}  // namespace ringside
