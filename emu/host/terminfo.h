// The control sequences of the terminal in TERM, from ncurses' terminfo.
#pragma once

#include <string>

#include "emu/base/check.h"

namespace ringside {

struct Terminfo {
  std::string begin;  ///< switches to a separate screen, and hides the cursor
  std::string end;    ///< switches back
  std::string clear;
  std::string plain;  ///< no attribute, no colour
  std::string bold;
  std::string dim;
  std::string reverse;
  std::string cursor;      ///< with parameters; see move()
  std::string foreground;  ///< empty: no colours; see in_colour()
  std::string background;

  /// For the terminal in TERM. Fails if it has none, or one whose cursor cannot be moved.
  [[nodiscard]] static Result<Terminfo> of_terminal();

  /// Moves to that row and column, from 0.
  [[nodiscard]] std::string move(int row, int column) const;
  /// Colours have the numbers of ECMA-48: 0 black, 1 red ... 7 white.
  [[nodiscard]] std::string in_colour(int colour) const;
  [[nodiscard]] std::string on_colour(int colour) const;
};

}  // namespace ringside
