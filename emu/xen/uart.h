// A 16550: the chip between Xen and a serial line. On one side it has eight registers and an interrupt, which
// xen's driver (serial_port.h) uses; on the other a line that carries one character after the other.
//
// It owns its registers and two FIFOs of 16 characters. A character takes time on the line, except at
// `bits_per_second` 0. A character that arrives while the FIFO is full is lost, as on the real chip: this is
// an overrun, and is counted. A faulty character keeps its mark until the driver reads it.
//
// It has no loopback mode, and it does not compare its divisor with the line's speed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "emu/base/byte_queue.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"

namespace ringside::xen {

inline constexpr std::size_t uart_fifo_bytes = 16;

/// Offsets from the chip's base address (COM1: 0x3f8).
enum class UartRegister : std::uint8_t {
  data = 0,               ///< RBR when read, THR when written; DLL while lcr_divisor_latch is set
  interrupt_enable = 1,   ///< IER; DLM while lcr_divisor_latch is set
  interrupt_or_fifo = 2,  ///< IIR when read, FCR when written
  line_control = 3,       ///< LCR
  modem_control = 4,      ///< MCR
  line_status = 5,        ///< LSR, read only
  modem_status = 6,       ///< MSR, read only
  scratch = 7,            ///< SCR
};

namespace uart {
inline constexpr std::uint8_t ier_data = 0x01;
inline constexpr std::uint8_t ier_transmit_empty = 0x02;
inline constexpr std::uint8_t ier_line_status = 0x04;
inline constexpr std::uint8_t ier_modem_status = 0x08;

inline constexpr std::uint8_t iir_none = 0x01;
inline constexpr std::uint8_t iir_transmit_empty = 0x02;
inline constexpr std::uint8_t iir_data = 0x04;
inline constexpr std::uint8_t iir_line_status = 0x06;
inline constexpr std::uint8_t iir_timeout = 0x0c;
inline constexpr std::uint8_t iir_fifos = 0xc0;

inline constexpr std::uint8_t fcr_enable = 0x01;
inline constexpr std::uint8_t fcr_clear_receive = 0x02;
inline constexpr std::uint8_t fcr_clear_transmit = 0x04;
inline constexpr std::uint8_t fcr_trigger_14 = 0xc0;

inline constexpr std::uint8_t lcr_8n1 = 0x03;
inline constexpr std::uint8_t lcr_divisor_latch = 0x80;

inline constexpr std::uint8_t mcr_dtr = 0x01;
inline constexpr std::uint8_t mcr_rts = 0x02;
inline constexpr std::uint8_t mcr_out2 = 0x08;  ///< enables the chip's interrupt output, on a PC

inline constexpr std::uint8_t lsr_data = 0x01;
inline constexpr std::uint8_t lsr_overrun = 0x02;
inline constexpr std::uint8_t lsr_parity = 0x04;
inline constexpr std::uint8_t lsr_framing = 0x08;
inline constexpr std::uint8_t lsr_break = 0x10;
inline constexpr std::uint8_t lsr_transmit_empty = 0x20;
inline constexpr std::uint8_t lsr_idle = 0x40;
inline constexpr std::uint8_t lsr_fifo_error = 0x80;

inline constexpr std::uint8_t msr_clear_to_send = 0x10;
inline constexpr std::uint8_t msr_data_set_ready = 0x20;
inline constexpr std::uint8_t msr_carrier = 0x80;
}  // namespace uart

/// A character's fault in transit.
enum class LineFault : std::uint8_t { none, parity, framing, break_condition };

/// Counts since the chip was made.
struct UartCounters {
  std::uint32_t received = 0;
  std::uint32_t sent = 0;
  std::uint32_t overruns = 0;
  std::uint32_t parity_errors = 0;
  std::uint32_t framing_errors = 0;
  std::uint32_t breaks = 0;
};

/// The time of one character, with its start and stop bits, on a line of that speed. 0 = instant.
[[nodiscard]] constexpr Duration character_time(std::uint32_t bits_per_second) {
  constexpr std::int64_t bits_of_character = 10;
  if (bits_per_second == 0) return Duration::zero();
  return std::chrono::nanoseconds(bits_of_character * std::nano::den / bits_per_second);
}

class Uart {
 public:
  struct Wires {
    std::function<void(bool raised)> interrupt;  ///< called when it changes
    std::function<bool(std::uint8_t)>
        send;  ///< puts a character on the line; false: the line is blocked until line_ready()
    std::function<void()> room;  ///< the receive FIFO was full and has room again
  };

  /// `host` must outlive it. The wires are not used before the first call.
  Uart(Host& host, trace::Journal journal, std::uint32_t bits_per_second, Wires wires);
  ~Uart();
  Uart(const Uart&) = delete;
  Uart& operator=(const Uart&) = delete;

  // -- the processor's side
  [[nodiscard]] std::uint8_t read(UartRegister which);
  void write(UartRegister which, std::uint8_t value);
  /// Returns what read() would, but changes nothing.
  [[nodiscard]] std::uint8_t peek(UartRegister which) const;

  // -- the line's side
  /// A character has arrived, whether there is room for it or not.
  void receive(std::uint8_t character, LineFault fault = LineFault::none);
  [[nodiscard]] std::size_t receive_room() const { return fifo_bytes() - received_count_; }
  /// The line takes characters again after it had refused one.
  void line_ready();

  [[nodiscard]] const UartCounters& counters() const { return counters_; }

 private:
  struct Character {
    std::uint8_t byte = 0;
    std::uint8_t faults = 0;  ///< bits as in the line status
  };

  [[nodiscard]] bool divisor_latch() const { return (line_control_ & uart::lcr_divisor_latch) != 0; }
  [[nodiscard]] std::size_t fifo_bytes() const { return fifos_ ? uart_fifo_bytes : 1; }
  [[nodiscard]] std::uint8_t line_status() const;
  [[nodiscard]] std::uint8_t source() const;
  std::uint8_t take_character();
  std::uint8_t take_line_status();
  std::uint8_t take_source();
  void control_fifos(std::uint8_t value);
  void count(std::uint32_t& counter, trace::Counter name);
  void count_fault(std::uint8_t faults);
  void restart_timeout();
  void transmit();
  void transmit_due();
  void update_interrupt();

  Host& host_;
  trace::Journal journal_;
  Duration character_time_;
  Wires wires_;

  std::uint8_t interrupt_enable_ = 0;
  std::uint8_t line_control_ = 0;
  std::uint8_t modem_control_ = 0;
  std::uint8_t scratch_ = 0;
  std::uint8_t divisor_low_ = 1;
  std::uint8_t divisor_high_ = 0;
  bool fifos_ = false;
  std::uint8_t trigger_ = 1;  ///< characters

  std::array<Character, uart_fifo_bytes> received_;  ///< used in turn
  std::size_t received_first_ = 0;
  std::size_t received_count_ = 0;
  bool overrun_ = false;    ///< until the line status is read
  bool timed_out_ = false;  ///< characters have waited below the trigger for four times a character's time
  Host::TimerId timeout_timer_ = 0;

  ByteQueue to_send_{uart_fifo_bytes};
  bool transmit_empty_ = false;  ///< the interrupt for an empty transmit FIFO is due
  bool transmitting_ = false;
  bool line_blocked_ = false;
  Time line_free_at_{0};
  Host::TimerId transmit_timer_ = 0;

  bool raised_ = false;
  UartCounters counters_;
};

}  // namespace ringside::xen
