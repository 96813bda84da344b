// Xen's own console: the receiver of the serial line's characters, dom0's input and output on it, and Xen's
// own messages.
//
// Input is either for Xen, where keys are commands, or for dom0, which reads it from a ring of 128 bytes;
// typing the switch character three times in a row changes the receiver. Output of dom0 goes to the line
// unchanged. Xen's own lines get a prefix and are also kept in a ring of 16,384 bytes (`ringside dmesg`).
//
// It does not decide who may call: hypervisor_console.cc does that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "emu/base/byte_queue.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"
#include "emu/xen/serial_port.h"

namespace ringside::xen {

/// Input for dom0.
inline constexpr std::size_t console_input_ring_bytes = 128;
/// Xen's own messages.
inline constexpr std::size_t console_ring_bytes = 16384;
inline constexpr std::string_view console_prefix = "(XEN) ";
inline constexpr int switch_characters = 3;

/// "a", "b", "ax": the switch character is Ctrl and the first character, a letter. With 'x' as the second,
/// Xen keeps the input when boot is over.
inline constexpr std::string_view conswitch_default = "a";
[[nodiscard]] bool is_conswitch(std::string_view text);

struct ConsoleCounters {
  std::uint32_t input_dropped = 0;   ///< the ring to dom0 was full
  std::uint32_t output_dropped = 0;  ///< Xen's own lines that the serial line had no room for, in bytes
};

class Console {
 public:
  struct Ends {
    std::function<void(std::uint8_t key)> key_pressed;
    std::function<void()> raise_virq;  ///< dom0's VIRQ_CONSOLE
  };

  /// `serial` must outlive it. `conswitch` must satisfy is_conswitch().
  Console(SerialPort& serial, trace::Journal journal, std::string_view conswitch, Ends ends);

  /// Starts to receive the line's input, which is for Xen at first.
  void start();
  /// Boot is over: input is switched to dom0, unless `conswitch` says otherwise.
  void end_boot();

  /// Prints one of Xen's own lines; `line` has no newline.
  void print(std::string_view line);

  /// Writes dom0's output. Takes none of it while less than half of the transmit buffer is free; otherwise
  /// as much as fits. Returns the number of bytes.
  std::size_t write(Bytes bytes);
  /// Reads dom0's input, at most the size of `into`. Returns the number of bytes.
  std::size_t read(std::span<std::uint8_t> into);

  struct Piece {
    std::uint64_t position;  ///< of the first byte, counted from the first byte that Xen printed
    std::size_t bytes;       ///< 0: `position` is the end
  };
  /// Xen's messages from `position` on, or from the oldest byte that is kept.
  [[nodiscard]] Piece dmesg_read(std::uint64_t position, std::span<std::uint8_t> into) const;
  /// Forgets the bytes before `position`.
  void dmesg_clear(std::uint64_t position);

  /// The input ring for dom0 is at least half full.
  [[nodiscard]] bool dom0_is_behind() const { return input_.size() * 2 >= input_.capacity(); }
  [[nodiscard]] bool input_is_xens() const { return input_is_xens_; }
  [[nodiscard]] const ConsoleCounters& counters() const { return counters_; }

 private:
  void received(std::uint8_t character);
  void forward(std::uint8_t character);
  void switch_input();
  void put(std::string_view text);

  SerialPort& serial_;
  trace::Journal journal_;
  std::string conswitch_;
  Ends ends_;
  bool input_is_xens_ = true;
  int switches_seen_ = 0;
  ByteQueue input_{console_input_ring_bytes};
  ByteQueue said_{console_ring_bytes};
  std::uint64_t said_first_ = 0;  ///< the position of the oldest byte in said_
  ConsoleCounters counters_;
};

}  // namespace ringside::xen
