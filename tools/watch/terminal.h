// A terminal that canvases are put on. Only what has changed is sent, and never more than it takes: a
// terminal that does not read gets no further picture before it has read the last, and holds up nobody.
//
// Owns its end of the terminal and its mode; gives both back as they were.
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
  /// `input` and `output` are this process's stdin and stdout. `gone` is called when nobody is there any
  /// more.
  WatchTerminal(Host& host, Handle input, Handle output, Terminfo words, bool colours,
                std::function<void(std::uint8_t)> typed, std::function<void()> gone);

  /// False: it has not taken the last one yet; nothing was done.
  bool draw(const Canvas& canvas);
  /// What is on it is not known any more.
  void forget() { drawn_.clear(); }
  /// Gives the screen and the terminal back for a while, and takes them again.
  void suspend();
  void resume();
  /// Gives the screen back; calls `done` when that has arrived, or after a moment.
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
  std::string waiting_;  ///< to be sent; at most a screen and what ends it
  std::vector<Cell> drawn_;
  std::size_t columns_ = 0;
  bool leaving_ = false;
};

}  // namespace ringside::tools
