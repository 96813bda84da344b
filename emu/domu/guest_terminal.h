// The terminal of the program on a guest's console, for the console driver that carries its bytes: reads the
// program's output, writes its input, and knows when one of them blocks.
//
// It owns the terminal's handle. It keeps no bytes: the driver decides how much is read, and keeps input that
// the terminal has not taken.
#pragma once

#include <functional>

#include "emu/host/host.h"
#include "emu/trace/journal.h"

namespace ringside::domu {

class GuestTerminal {
 public:
  enum class State : std::uint8_t { none, open, closed };

  GuestTerminal(Host& host, trace::Journal journal, DomainId domain);

  /// Calls `ready` from the loop for what update_watch() asked for.
  void open(Handle terminal, std::function<void(Ready)> ready);
  void resize(std::uint16_t rows, std::uint16_t columns);

  /// Output of the program, at most `into.size()` bytes. None if there is none now, or at its end, which
  /// changes the state to closed.
  [[nodiscard]] Bytes read(std::span<std::uint8_t> into);
  /// Input for the program; returns how many bytes the terminal has taken. If none, input is blocked, or has
  /// been hung up.
  std::size_t write(Bytes bytes);
  /// `ready` has reported that the terminal takes input again.
  void unblock_input() { input_blocked_ = false; }
  /// The program reads no more input.
  void hang_up_input();
  /// What `ready` reports: output, if the driver has room; and that blocked input can continue.
  void update_watch(bool output_wanted);

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool input_blocked() const { return input_blocked_; }
  [[nodiscard]] bool input_hung_up() const { return input_hung_up_; }

 private:
  Host& host_;
  trace::Journal journal_;      ///< as the guest
  trace::Journal tty_journal_;  ///< as its terminal
  DomainId domain_;
  Handle terminal_;
  State state_ = State::none;
  Ready watched_;
  bool input_blocked_ = false;
  bool input_hung_up_ = false;
};

}  // namespace ringside::domu
