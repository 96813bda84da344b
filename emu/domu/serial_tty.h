// dom0's console driver in serial mode: between Xen's console and the tty ttyS0. It uses no ring. At each
// VIRQ_CONSOLE it fetches typed input from Xen, 16 bytes at a time; it writes output to Xen in pieces of 127.
//
// It owns the tty. Input that the tty has no room for stays in Xen's ring, which drops what exceeds 128
// bytes, and counts it.
#pragma once

#include <functional>

#include "emu/domu/init_tty.h"

namespace ringside::domu {

/// How long the driver waits after Xen took no output before it tries again. Xen takes output again when half
/// of its 16,384 bytes are free, which takes time even on a line without a speed limit.
inline constexpr Duration serial_retry_delay = std::chrono::milliseconds(10);

class SerialTty {
 public:
  /// `failed` gets the error when the hypervisor no longer answers. `host` and `privcmd` must outlive it.
  SerialTty(Host& host, trace::Journal journal, Privcmd& privcmd, ProgramSpec program,
            std::function<void(const Error&)> failed);
  ~SerialTty();
  SerialTty(const SerialTty&) = delete;
  SerialTty& operator=(const SerialTty&) = delete;

  [[nodiscard]] InitTty& tty() { return tty_; }
  /// VIRQ_CONSOLE: there may be input.
  void interrupt();

 private:
  std::size_t send(Bytes bytes);
  void retry_in(Duration delay);
  void failed(const Error& error);

  Host& host_;
  Privcmd& privcmd_;
  std::function<void(const Error&)> failed_;
  Host::TimerId retry_timer_ = 0;
  bool waiting_ = false;              ///< for the hypervisor's answer
  std::size_t unanswered_bytes_ = 0;  ///< the bytes of output in that call
  InitTty tty_;
};

}  // namespace ringside::domu
