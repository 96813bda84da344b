// One console of xenconsoled: between the byte rings of a domain of today and a pty, by the rules of Xen's
// own xenconsoled (tools/console/daemon/io.c).
//
// Output: after each event all that waits in `out` is taken and its places are freed, so that the guest never
// waits for a reader. It then waits here for the pty. If more than a quarter over the limit waits, the middle
// is discarded: the oldest half of the limit stays, and what is beyond the limit. Input: at most 80 bytes are
// read from the pty at a time, each with an event, and only while `in` has room. A console is served for at
// most 30 events in 200 ms: then its port stays masked for the rest of that time.
//
// The daemon owns it, and calls it after an event. It holds the pty open itself: bytes in it stay until a
// reader comes, and the daemon never learns whether there is a reader.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "emu/host/host.h"
#include "emu/trace/journal.h"
#include "ring/byte_ring.h"

namespace ringside::dom0 {

/// Beyond this, xenconsoled waits with further events of a console (RATE_LIMIT_ALLOWANCE, RATE_LIMIT_PERIOD).
inline constexpr int events_per_period_max = 30;
inline constexpr Duration event_period = std::chrono::milliseconds(200);
/// A period that ends this soon has ended: a timer may be early.
inline constexpr Duration event_period_fuzz = std::chrono::milliseconds(5);
/// What is read from the pty at a time.
inline constexpr std::size_t tty_read_bytes_max = 80;

class ByteConsole {
 public:
  struct Setup {
    DomainId domain = 0;
    Mapping rings;                 ///< the frame of the byte rings
    std::string link;              ///< to the pty
    std::size_t limit_bytes = 0;   ///< see above; 0 = none
    std::function<void()> notify;  ///< sends an event to the guest
    std::function<void()> unmask;  ///< lets the guest's next event in
  };

  ByteConsole(Host& host, trace::Journal journal, Setup setup);
  ~ByteConsole();
  ByteConsole(const ByteConsole&) = delete;
  ByteConsole& operator=(const ByteConsole&) = delete;

  /// Makes the pty and its link. Called once, first.
  Result<> start();
  /// The guest has sent an event, and its port is masked.
  void event();
  /// The domain is gone: counts the output that the pty has not taken. The pty ends with this object.
  void end();

  [[nodiscard]] const std::string& path() const { return setup_.link; }
  [[nodiscard]] std::size_t buffered_bytes() const { return buffer_.size() - consumed_; }
  [[nodiscard]] std::uint32_t discarded_bytes() const { return discarded_bytes_; }

 private:
  Result<> make_pty();
  void count_event();
  void take_output();
  void discard_middle();
  void terminal_ready(Ready ready);
  void read_terminal();
  void write_terminal();
  void renew_pty();
  void update_interest();

  Host& host_;
  trace::Journal journal_;
  Setup setup_;
  ring::ByteBack<> back_;
  Host::Pty pty_;
  Handle held_;  ///< the pty's other side
  Ready interest_;
  std::vector<std::uint8_t> buffer_;  ///< output; its first consumed_ bytes are in the pty
  std::size_t consumed_ = 0;
  std::uint32_t discarded_bytes_ = 0;
  int events_ = 0;  ///< in this period
  Time period_ends_;
  Host::TimerId period_timer_ = 0;  ///< not 0: the port stays masked until then
};

}  // namespace ringside::dom0
