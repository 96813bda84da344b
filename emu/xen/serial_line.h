// The far end of a serial line: a pty that any process may open, a socket that any process may connect to,
// the streams of the process itself, or nothing. It carries characters to and from a chip, at the line's
// speed.
//
// It owns the characters in transit, at most a few hundred bytes. While the far end is not connected,
// sent characters are lost, as on any cable. If the far end is connected and does not read, the line stops.
//
// A pty reports neither speed nor breaks, so all characters arrive without faults.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "emu/base/byte_queue.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"
#include "emu/xen/uart.h"

namespace ringside::xen {

inline constexpr std::size_t line_sent_bytes_max = 256;
inline constexpr std::size_t line_arriving_bytes_max = 64;
/// How long an instant line waits for dom0 when its input ring is half full: a working dom0 catches up in
/// this time, and a dom0 that does not must not block the line for Xen's keys.
inline constexpr Duration reader_patience = std::chrono::milliseconds(100);
inline constexpr Duration reader_look_delay = std::chrono::milliseconds(1);
/// The pause between a failed accept and the next.
inline constexpr Duration accept_rest = std::chrono::milliseconds(100);

struct SerialLineOptions {
  enum class End : std::uint8_t { none, pty, socket, streams };
  End end = End::none;
  std::string path = {};  ///< pty: path of the link to it; socket: where it listens
  Handle input = {};      ///< streams
  Handle output = {};
  std::uint32_t bits_per_second = 0;  ///< 0: instant; the far end then waits instead of overrunning the chip
};

class SerialLine {
 public:
  /// `reader_is_behind` says whether an instant line should wait. `host` and `uart` must outlive it.
  SerialLine(Host& host, trace::Journal journal, Uart& uart, SerialLineOptions options,
             std::function<bool()> reader_is_behind);
  ~SerialLine();
  SerialLine(const SerialLine&) = delete;
  SerialLine& operator=(const SerialLine&) = delete;

  /// Makes the far end. Fails as the host does.
  Result<> start();

  // -- the chip's wires
  /// False: the far end is slow, and Uart::line_ready() is called when it takes more.
  [[nodiscard]] bool send(std::uint8_t character);
  /// The chip has room again.
  void room();

  /// Characters that were sent while the far end was not connected.
  [[nodiscard]] std::uint64_t unheard_bytes() const { return unheard_bytes_; }

 private:
  Result<> start_pty();
  Result<> start_socket();
  void accept_next();
  void pty_changed();
  void connected();
  void disconnected();
  void stream_ready(Ready what);
  void update_interest();
  void read_more();
  void deliver();
  [[nodiscard]] bool waits_for_reader(Time now);
  void flush();

  Host& host_;
  trace::Journal journal_;
  Uart& uart_;
  SerialLineOptions options_;
  std::function<bool()> reader_is_behind_;
  std::optional<Time> behind_since_;
  Duration character_time_;
  Handle listener_;
  Handle stream_;           ///< the pty, the connection, or the streams' input
  bool connected_ = false;  ///< the far end is connected
  bool input_ended_ = false;
  bool output_blocked_ = false;
  bool held_up_ = false;  ///< send() has refused a character
  bool delivering_ = false;
  ByteQueue sent_{line_sent_bytes_max};
  ByteQueue arriving_{line_arriving_bytes_max};
  Time next_arrival_{0};
  Host::TimerId arrival_timer_ = 0;
  Host::TimerId flush_timer_ = 0;
  Host::TimerId accept_timer_ = 0;
  std::uint64_t unheard_bytes_ = 0;
};

}  // namespace ringside::xen
