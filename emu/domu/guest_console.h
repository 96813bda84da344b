// What a domain's kernel needs of its console driver: of console_tty, on the control interface of 2005, or of
// hvc_tty, on the byte rings of today.
#pragma once

#include <cstdint>
#include <string_view>

#include "emu/host/handle.h"

namespace ringside::domu {

class GuestConsole {
 public:
  virtual ~GuestConsole() = default;
  /// Prints a kernel message: each '\n' becomes CR LF.
  virtual void print(std::string_view text) = 0;
  /// Starts reading the program's output and writing typed input.
  virtual void open(Handle terminal) = 0;
  virtual void resize(std::uint16_t rows, std::uint16_t columns) = 0;
  /// The program reads no more input: what waits or comes later is dropped and counted.
  virtual void hang_up_input() = 0;
  /// True when no output is left here: the terminal is not open, or closed and read to its end.
  [[nodiscard]] virtual bool output_ended() const = 0;
};

}  // namespace ringside::domu
