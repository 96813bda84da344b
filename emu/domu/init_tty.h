// A tty of dom0 and what init runs on it: a program that is started again whenever it has ended, as a getty
// is. It stands between a driver, which carries bytes to and from a device, and the program's terminal.
//
// It owns the terminal, the process, and a buffer each way; what has no room in one is not taken from whoever
// has it. It does not know what the device is. When it goes, its terminal hangs up, and that is all that the
// program is told.
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
/// A driver of the time handed its tty at most this much at once.
inline constexpr std::size_t tty_input_bytes_max = 512;
/// How long init waits before it starts a program again.
inline constexpr Duration respawn_delay = std::chrono::seconds(1);

class InitTty {
 public:
  struct Driver {
    /// Takes output; answers how many bytes. It calls output_room() when it can take more.
    std::function<std::size_t(Bytes)> send;
    /// There is room for input again: half of the buffer, after there was less.
    std::function<void()> input_room;
  };

  /// `name` is what the journal calls it. `host` must outlive it.
  InitTty(Host& host, trace::Journal journal, std::string name, ProgramSpec program, Driver driver);
  ~InitTty();
  InitTty(const InitTty&) = delete;
  InitTty& operator=(const InitTty&) = delete;

  /// Starts the program, now and whenever it has ended. One that cannot be started is tried again, and the
  /// reason printed.
  void start();
  /// The kernel's own words, before anything that the program prints from now on. What does not fit is lost.
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
  std::string name_;
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
