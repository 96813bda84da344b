// The keyboard and the screen of dom0, and the tty1 on them. A user connects to the socket: the bytes that
// the user sends are keys, the bytes sent to the user are the screen.
//
// It owns both devices and the tty. Its bytes do not pass through Xen's console or any ring: Xen only routes
// the keyboard's interrupt.
#pragma once

#include <functional>
#include <string>

#include "emu/domu/init_tty.h"
#include "emu/domu/keyboard.h"

namespace ringside::domu {

/// The last bytes printed while no user was connected; they are shown to the next one.
inline constexpr std::size_t screen_bytes_max = 4096;

class ScreenTty {
 public:
  /// `interrupt` raises the keyboard's line. `host` must outlive it.
  ScreenTty(Host& host, trace::Journal journal, ProgramSpec program, std::function<void()> interrupt);

  /// Listens at `path` for users, one at a time. The program starts when the first one connects.
  Result<> start(const std::string& path);
  /// The keyboard's interrupt, as an event: fetches the controller's scancode.
  void interrupt();

  /// The number of typed characters that no key makes.
  [[nodiscard]] std::uint32_t keyless_characters() const { return keyless_; }

 private:
  void accept_user();
  void user_ready(Ready ready);
  void read_keys();
  std::size_t show(Bytes bytes);
  void flush();
  void user_left();
  void update_watch();

  Host& host_;
  trace::Journal journal_;
  Keyboard keyboard_;
  KeyDecoder decoder_;
  Handle listener_;
  Handle user_;
  bool started_ = false;
  ByteQueue screen_{screen_bytes_max};  ///< while a user is connected: the bytes not sent yet
  std::uint32_t keyless_ = 0;
  InitTty tty_;
};

}  // namespace ringside::domu
