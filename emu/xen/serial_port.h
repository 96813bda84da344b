// Xen's serial layer: the driver of one 16550, and the split of its line in two. The top bit of a character
// selects one of two conversations on the line, com1H (set) or com1L (clear); com1 gets what neither has
// claimed. A receiver sees seven bits.
//
// It owns the characters to be sent, and up to 32 received characters without a receiver. It does not own the
// chip.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "emu/base/byte_queue.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"
#include "emu/xen/uart.h"

namespace ringside::xen {

inline constexpr std::size_t serial_unclaimed_bytes_max = 32;
inline constexpr std::size_t serial_transmit_bytes_max = 16384;

/// A part of a line: com1, com1H, com1L.
enum class SerialHalf : std::uint8_t { both, high, low };

class SerialPort {
 public:
  using Receiver = std::function<void(std::uint8_t)>;

  /// `uart` must outlive it.
  SerialPort(Uart& uart, trace::Journal journal);

  /// Sets the chip up: 8 bits, no parity, FIFOs with a trigger of 14, interrupts.
  void start();
  /// The chip's interrupt line.
  void interrupt(bool raised);

  /// Sets the receiver of that part. It gets the waiting characters at once.
  void set_receiver(SerialHalf half, Receiver receiver);
  /// Queues as much as fits; '\n' becomes "\r\n" and counts as one. Returns how many of `bytes` were queued;
  /// the caller keeps or drops the rest.
  std::size_t write(SerialHalf half, Bytes bytes);
  [[nodiscard]] std::size_t transmit_room() const { return to_send_.room(); }
  /// Characters without a receiver that were dropped, because 32 others waited.
  [[nodiscard]] std::uint32_t unclaimed_dropped() const { return unclaimed_dropped_; }

 private:
  void serve_interrupt();
  void take_received();
  void received(std::uint8_t character);
  void deliver(std::uint8_t character);
  [[nodiscard]] const Receiver* receiver_of(std::uint8_t character) const;
  void fill_chip();

  Uart& uart_;
  trace::Journal journal_;
  std::array<Receiver, 3> receivers_;  ///< by SerialHalf
  ByteQueue unclaimed_{serial_unclaimed_bytes_max};
  std::uint32_t unclaimed_dropped_ = 0;
  ByteQueue to_send_{serial_transmit_bytes_max};
  bool raised_ = false;
  bool serving_ = false;
  bool filling_ = false;
};

}  // namespace ringside::xen
