// The keyboard and the screen in front of dom0, and the tty1 that stands on them. A person is there who has
// connected to its socket: what he sends are keys, what he receives is the screen.
//
// It owns both devices and the tty. No byte of it passes Xen's console, or any ring: Xen routes the
// keyboard's interrupt, that is all.
#pragma once

#include <functional>
#include <string>

#include "emu/domu/init_tty.h"
#include "emu/domu/keyboard.h"

namespace ringside::domu {

/// What a screen shows of what was printed on it while nobody looked: its last bytes.
inline constexpr std::size_t screen_bytes_max = 4096;

class ScreenTty {
 public:
  /// `interrupt` raises the keyboard's line. `host` must outlive it.
  ScreenTty(Host& host, trace::Journal journal, ProgramSpec program, std::function<void()> interrupt);

  /// Listens at `path` for a person, one at a time. The program starts with the first who comes.
  Result<> start(const std::string& path);
  /// The keyboard's interrupt, as an event: fetches what the controller has.
  void interrupt();

  /// Characters typed that no key makes.
  [[nodiscard]] std::uint32_t keyless_characters() const { return keyless_; }

 private:
  void accept_person();
  void person_ready(Ready ready);
  void read_keys();
  std::size_t show(Bytes bytes);
  void flush();
  void person_left();
  void update_watch();

  Host& host_;
  trace::Journal journal_;
  Keyboard keyboard_;
  KeyDecoder decoder_;
  Handle listener_;
  Handle person_;
  bool started_ = false;
  ByteQueue screen_{screen_bytes_max};  ///< with a person there: what he has not been shown yet
  std::uint32_t keyless_ = 0;
  InitTty tty_;
};

}  // namespace ringside::domu
