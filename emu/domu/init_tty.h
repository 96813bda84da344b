// A tty of dom0 and the program that init runs on it, like a getty: init starts the program again whenever it
// has ended. The tty is between a driver, which carries bytes to and from a device, and the program's
// terminal.
//
// It owns the terminal, the process, and a buffer in each direction. Bytes that do not fit into a buffer are
// not taken from their sender. It does not know the device. When it is destroyed, its terminal hangs up; the
// program gets no other notice.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "emu/base/byte_queue.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"

namespace ringside::domu {

inline constexpr std::size_t tty_output_bytes_max = 4096;
/// The most bytes that a driver of 2005 passed to its tty at once.
inline constexpr std::size_t tty_input_bytes_max = 512;
/// How long init waits before it starts a program again.
inline constexpr Duration respawn_delay = std::chrono::seconds(1);

class InitTty {
 public:
  struct Driver {
    /// Takes output; returns how many bytes. Calls output_room() when it can take more.
    std::function<std::size_t(Bytes)> send;
    /// Called when half of the input buffer is free again.
    std::function<void()> input_room;
  };

  /// `host` must outlive it.
  InitTty(Host& host, trace::Journal journal, trace::Dom0Tty which, ProgramSpec program, Driver driver);
  ~InitTty();
  InitTty(const InitTty&) = delete;
  InitTty& operator=(const InitTty&) = delete;

  /// Starts the program, now and whenever it has ended. If it cannot be started, the reason is printed, and
  /// it is tried again.
  void start();
  /// Prints the kernel's own messages, before later output of the program. Text that does not fit is lost.
  void print(std::string_view text);

  [[nodiscard]] std::size_t input_room() const { return terminal_.valid() ? input_.room() : 0; }
  /// From the device; at most input_room() bytes.
  void receive(Bytes bytes);
  void output_room();

 private:
  void start_program();
  void terminal_ready(Ready ready);
  void read_terminal();
  void write_terminal();
  void update_watch();
  void program_ended(int status);
  void wait_to_start();
  void flush();

  Host& host_;
  trace::Journal journal_;
  trace::Journal tty_journal_;
  trace::Dom0Tty which_;
  ProgramSpec program_;
  Driver driver_;
  Handle terminal_;
  Handle process_;
  Ready watched_;
  ByteQueue output_{tty_output_bytes_max};
  ByteQueue input_{tty_input_bytes_max};
  Host::TimerId respawn_timer_ = 0;
};

}  // namespace ringside::domu
