// A terminal that shows canvases. Only changes are sent, and never more than the terminal takes: one that
// does not read gets no new picture until it has read the last one, and does not block this process.
//
// Owns its end of the terminal and its mode; restores both.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "emu/host/linux_host.h"
#include "emu/host/linux_terminal.h"
#include "emu/host/terminfo.h"
#include "tools/watch/canvas.h"

namespace ringside::tools {

class WatchTerminal {
 public:
  /// `input` and `output` are this process's stdin and stdout. `gone` is called when the terminal is
  /// disconnected.
  WatchTerminal(Host& host, Handle input, Handle output, Terminfo words, bool colours,
                std::function<void(std::uint8_t)> typed, std::function<void()> gone);

  /// False: the terminal has not taken the last picture yet; nothing was drawn.
  bool draw(const Canvas& canvas);
  /// The contents of the terminal are no longer known.
  void forget() { drawn_.clear(); }
  /// Restores the screen and the terminal until resume(), for job control.
  void suspend();
  void resume();
  /// Restores the screen; calls `done` when the bytes have been taken, or after a moment.
  void leave(std::function<void()> done);

 private:
  void send();
  void read();

  Host& host_;
  Handle input_;
  Handle output_;
  Terminfo words_;
  std::array<std::string, tones> styles_;
  std::function<void(std::uint8_t)> typed_;
  std::function<void()> gone_;
  std::function<void()> left_;
  RawTerminal raw_;
  std::string waiting_;  ///< to be sent; at most a screen and the bytes after it
  std::vector<Cell> drawn_;
  std::size_t columns_ = 0;
  bool leaving_ = false;
};

}  // namespace ringside::tools
