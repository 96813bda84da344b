// What this kind of terminal understands: the control sequences that ncurses' terminfo has for the one in
// TERM.
#pragma once

#include <string>

#include "emu/base/check.h"

namespace ringside {

struct Terminfo {
  std::string begin;  ///< a screen of its own, without a cursor
  std::string end;    ///< and back
  std::string clear;
  std::string plain;  ///< no attribute, no colour
  std::string bold;
  std::string dim;
  std::string reverse;
  std::string cursor;      ///< parameters of its own; see move()
  std::string foreground;  ///< empty: no colours; see in_colour()
  std::string background;

  /// Of the terminal in TERM. Fails if it has none, or one without a cursor that can be moved.
  [[nodiscard]] static Result<Terminfo> of_terminal();

  /// To that row and column, from 0 on.
  [[nodiscard]] std::string move(int row, int column) const;
  /// Colours have the numbers of ECMA-48: 0 black, 1 red ... 7 white.
  [[nodiscard]] std::string in_colour(int colour) const;
  [[nodiscard]] std::string on_colour(int colour) const;
};

}  // namespace ringside
