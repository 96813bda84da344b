// Xen's own console: whom the characters of the serial line are for, what dom0 has of it, and what Xen itself
// has said.
//
// Input is for Xen, whose keys they are, or for dom0, which reads it from a ring of 128 bytes; the switch
// character three times in a row changes that. Output of dom0 goes to the line as it comes; Xen's own lines
// bear a prefix and are kept in a ring of 16,384 bytes besides (`ringside dmesg`).
//
// It decides nothing about who may call: hypercalls are hypervisor_console.cc's.
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

/// What waits for dom0.
inline constexpr std::size_t console_input_ring_bytes = 128;
/// Xen's own messages.
inline constexpr std::size_t console_ring_bytes = 16384;
inline constexpr std::string_view console_prefix = "(XEN) ";
inline constexpr int switch_characters = 3;

/// "a", "b", "ax": the switch character is Ctrl and the first, which is a letter. 'x' as the second leaves
/// input at Xen when boot is over.
inline constexpr std::string_view conswitch_default = "a";
[[nodiscard]] bool is_conswitch(std::string_view text);

struct ConsoleCounters {
  std::uint32_t input_dropped = 0;   ///< the ring to dom0 was full
  std::uint32_t output_dropped = 0;  ///< Xen's own lines that the serial line had no room for; in bytes
};

class Console {
 public:
  struct Ends {
    std::function<void(std::uint8_t key)> key_pressed;
    std::function<void()> raise_virq;  ///< dom0's VIRQ_CONSOLE
  };

  /// `serial` must outlive it. `conswitch` is_conswitch().
  Console(SerialPort& serial, trace::Journal journal, std::string_view conswitch, Ends ends);

  /// Takes the line's input from here on, as Xen's.
  void start();
  /// Boot is over: input is switched to dom0, unless `conswitch` says otherwise.
  void end_boot();

  /// A line of Xen's own, without its end.
  void print(std::string_view line);

  /// dom0's output. Takes none of it while less than half of the transmit buffer is free; else what fits.
  /// Answers how many bytes.
  std::size_t write(Bytes bytes);
  /// dom0's input: as much as there is and fits.
  std::size_t read(std::span<std::uint8_t> into);

  struct Piece {
    std::uint64_t position;  ///< of its first byte, counted from Xen's first
    std::size_t bytes;       ///< 0: there is nothing from `position` on
  };
  /// What Xen has said from `position` on, or from the oldest byte that is still there.
  [[nodiscard]] Piece dmesg_read(std::uint64_t position, std::span<std::uint8_t> into) const;
  /// Forgets what is older than `position`.
  void dmesg_clear(std::uint64_t position);

  /// Half of what may wait for dom0 does.
  [[nodiscard]] bool dom0_is_behind() const { return input_.size() * 2 >= input_.capacity(); }
  [[nodiscard]] bool input_is_xens() const { return input_is_xens_; }
  [[nodiscard]] const ConsoleCounters& counters() const { return counters_; }

 private:
  void received(std::uint8_t character);
  void hand_on(std::uint8_t character);
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
  std::uint64_t said_first_ = 0;  ///< the position of the oldest
  ConsoleCounters counters_;
};

}  // namespace ringside::xen
