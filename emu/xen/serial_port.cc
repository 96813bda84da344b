// The interrupt handler: passes characters to receivers, and the queue to the chip.
#include "emu/xen/serial_port.h"

#include <utility>

namespace ringside::xen {

namespace {

constexpr std::uint8_t top_bit = 0x80;
/// For 115200 bits a second, the chip's fastest. The line's real speed is set in SerialLine.
constexpr std::uint8_t divisor = 1;

}  // namespace

SerialPort::SerialPort(Uart& uart, trace::Journal journal) : uart_(uart), journal_(journal) {}

void SerialPort::start() {
  uart_.write(UartRegister::line_control, uart::lcr_divisor_latch);
  uart_.write(UartRegister::data, divisor);
  uart_.write(UartRegister::interrupt_enable, 0);
  uart_.write(UartRegister::line_control, uart::lcr_8n1);
  uart_.write(UartRegister::interrupt_or_fifo,
              uart::fcr_enable | uart::fcr_clear_receive | uart::fcr_clear_transmit | uart::fcr_trigger_14);
  uart_.write(UartRegister::modem_control, uart::mcr_dtr | uart::mcr_rts | uart::mcr_out2);
  uart_.write(UartRegister::interrupt_enable,
              uart::ier_data | uart::ier_transmit_empty | uart::ier_line_status);
}

void SerialPort::interrupt(bool raised) {
  raised_ = raised;
  // The chip's interrupt line also changes while the interrupt is being served.
  if (!raised || std::exchange(serving_, true)) return;
  while (raised_) serve_interrupt();
  serving_ = false;
}

/// Bounded by the size of the chip's FIFOs: the chip receives no character during the call.
void SerialPort::serve_interrupt() {
  switch (uart_.read(UartRegister::interrupt_or_fifo) & 0x0f) {
    case uart::iir_line_status:
      // The read acknowledges the interrupt. The character is taken even if it has a fault: Xen did not
      // check.
      (void)uart_.read(UartRegister::line_status);
      take_received();
      return;
    case uart::iir_data:
    case uart::iir_timeout:
      take_received();
      return;
    case uart::iir_transmit_empty:
      fill_chip();
      return;
    default:
      return;
  }
}

void SerialPort::take_received() {
  while ((uart_.read(UartRegister::line_status) & uart::lsr_data) != 0)
    received(uart_.read(UartRegister::data));
}

const SerialPort::Receiver* SerialPort::receiver_of(std::uint8_t character) const {
  const SerialHalf half = (character & top_bit) != 0 ? SerialHalf::high : SerialHalf::low;
  for (const SerialHalf each : {half, SerialHalf::both}) {
    const Receiver& receiver = receivers_[static_cast<std::size_t>(each)];
    if (receiver) return &receiver;
  }
  return nullptr;
}

void SerialPort::received(std::uint8_t character) {
  journal_.as(trace::actor(trace::Role::uart)).bytes_passed(0, journal_.self(), std::span(&character, 1));
  deliver(character);
}

void SerialPort::deliver(std::uint8_t character) {
  if (const Receiver* receiver = receiver_of(character)) {
    (*receiver)(character & ~top_bit);
    return;
  }
  if (unclaimed_.push(std::span(&character, 1)) == 1) return;
  ++unclaimed_dropped_;
  journal_.counted(0, trace::Counter::serial_characters_unclaimed, unclaimed_dropped_ - 1,
                   unclaimed_dropped_);
}

void SerialPort::set_receiver(SerialHalf half, Receiver receiver) {
  receivers_[static_cast<std::size_t>(half)] = std::move(receiver);
  // One pass: characters that still have no receiver go to the end again.
  for (std::size_t waiting = unclaimed_.size(); waiting > 0; --waiting) {
    const std::uint8_t character = unclaimed_.front()[0];
    unclaimed_.drop(1);
    deliver(character);
  }
}

std::size_t SerialPort::write(SerialHalf half, Bytes bytes) {
  std::size_t taken = 0;
  for (const std::uint8_t each : bytes) {
    const std::uint8_t mark = half == SerialHalf::high ? top_bit : 0;
    const std::uint8_t keep = half == SerialHalf::both ? 0xff : 0x7f;
    const std::uint8_t pair[] = {static_cast<std::uint8_t>('\r' | mark),
                                 static_cast<std::uint8_t>((each & keep) | mark)};
    const auto sent = std::span(pair).subspan(each == '\n' ? 0 : 1);
    if (to_send_.room() < sent.size()) break;
    to_send_.push(sent);
    ++taken;
  }
  // After these characters, the chip's interrupt asks for more.
  fill_chip();
  return taken;
}

void SerialPort::fill_chip() {
  // The chip may ask for more during this call.
  if (std::exchange(filling_, true)) return;
  // The status says only whether the FIFO is empty, so this loop counts the characters that fit.
  while (!to_send_.empty() && (uart_.peek(UartRegister::line_status) & uart::lsr_transmit_empty) != 0) {
    for (std::size_t sent = 0; sent < uart_fifo_bytes && !to_send_.empty(); ++sent) {
      const std::uint8_t byte = to_send_.front()[0];
      to_send_.drop(1);
      uart_.write(UartRegister::data, byte);
    }
  }
  filling_ = false;
}

}  // namespace ringside::xen
