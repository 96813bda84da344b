// The chip's registers, FIFOs and timing. Every change ends in update_interrupt(), which runs the driver; the
// driver calls read() and write().
#include "emu/xen/uart.h"

#include <algorithm>

namespace ringside::xen {

namespace {

using namespace uart;

constexpr std::uint8_t triggers[] = {1, 4, 8, 14};
constexpr unsigned trigger_shift = 6;
/// The data sheet's timeout: fewer characters than the trigger wait, and this many more could have arrived.
constexpr int timeout_characters = 4;
/// The most characters that a late timer sends in one turn.
constexpr int sent_per_turn_max = 64;

std::uint8_t faults_of(LineFault fault) {
  switch (fault) {
    case LineFault::none:
      return 0;
    case LineFault::parity:
      return lsr_parity;
    case LineFault::framing:
      return lsr_framing;
    case LineFault::break_condition:
      return lsr_break;
  }
  return 0;
}

}  // namespace

Uart::Uart(Host& host, trace::Journal journal, std::uint32_t bits_per_second, Wires wires)
    : host_(host),
      journal_(journal),
      character_time_(character_time(bits_per_second)),
      wires_(std::move(wires)) {}

Uart::~Uart() {
  if (timeout_timer_ != 0) host_.timer_cancel(timeout_timer_);
  if (transmit_timer_ != 0) host_.timer_cancel(transmit_timer_);
}

// -- registers

std::uint8_t Uart::read(UartRegister which) {
  std::uint8_t value = 0;
  switch (which) {
    case UartRegister::data:
      if (divisor_latch()) return divisor_low_;
      value = take_character();
      break;
    case UartRegister::interrupt_or_fifo:
      value = take_source();
      break;
    case UartRegister::line_status:
      value = take_line_status();
      break;
    case UartRegister::interrupt_enable:
    case UartRegister::line_control:
    case UartRegister::modem_control:
    case UartRegister::modem_status:
    case UartRegister::scratch:
      return peek(which);
  }
  update_interrupt();
  return value;
}

std::uint8_t Uart::peek(UartRegister which) const {
  switch (which) {
    case UartRegister::data:
      if (divisor_latch()) return divisor_low_;
      return received_count_ == 0 ? 0 : received_[received_first_].byte;
    case UartRegister::interrupt_enable:
      return divisor_latch() ? divisor_high_ : interrupt_enable_;
    case UartRegister::interrupt_or_fifo:
      return source() | (fifos_ ? iir_fifos : 0);
    case UartRegister::line_control:
      return line_control_;
    case UartRegister::modem_control:
      return modem_control_;
    case UartRegister::line_status:
      return line_status();
    case UartRegister::modem_status:
      return msr_data_set_ready | msr_carrier | (line_blocked_ ? 0 : msr_clear_to_send);
    case UartRegister::scratch:
      return scratch_;
  }
  return 0;
}

void Uart::write(UartRegister which, std::uint8_t value) {
  switch (which) {
    case UartRegister::data:
      if (divisor_latch()) {
        divisor_low_ = value;
        return;
      }
      transmit_empty_ = false;
      // A driver that writes more than fits loses it, as on the chip.
      if (to_send_.size() < fifo_bytes()) to_send_.push(std::span(&value, 1));
      transmit();
      break;
    case UartRegister::interrupt_enable: {
      if (divisor_latch()) {
        divisor_high_ = value;
        return;
      }
      const bool newly = (value & ~interrupt_enable_ & ier_transmit_empty) != 0;
      interrupt_enable_ = value & 0x0f;
      if (newly && to_send_.empty()) transmit_empty_ = true;
      break;
    }
    case UartRegister::interrupt_or_fifo:
      control_fifos(value);
      break;
    case UartRegister::line_control:
      line_control_ = value;
      return;
    case UartRegister::modem_control:
      modem_control_ = value & 0x1f;
      break;
    case UartRegister::scratch:
      scratch_ = value;
      return;
    case UartRegister::line_status:
    case UartRegister::modem_status:
      return;
  }
  update_interrupt();
}

void Uart::control_fifos(std::uint8_t value) {
  const bool enable = (value & fcr_enable) != 0;
  const bool changes = enable != fifos_;
  fifos_ = enable;
  trigger_ = enable ? triggers[value >> trigger_shift] : 1;
  if (changes || (value & fcr_clear_receive) != 0) {
    received_count_ = 0;
    timed_out_ = false;
  }
  if (changes || (value & fcr_clear_transmit) != 0) to_send_.clear();
}

std::uint8_t Uart::line_status() const {
  std::uint8_t status = overrun_ ? lsr_overrun : 0;
  if (received_count_ > 0) status |= lsr_data | received_[received_first_].faults;
  for (std::size_t each = 0; fifos_ && each < received_count_; ++each) {
    if (received_[(received_first_ + each) % uart_fifo_bytes].faults != 0) status |= lsr_fifo_error;
  }
  if (to_send_.empty()) status |= lsr_transmit_empty;
  if (to_send_.empty() && host_.now() >= line_free_at_) status |= lsr_idle;
  return status;
}

std::uint8_t Uart::take_line_status() {
  const std::uint8_t status = line_status();
  overrun_ = false;
  if (received_count_ > 0) received_[received_first_].faults = 0;
  return status;
}

std::uint8_t Uart::take_character() {
  if (received_count_ == 0) return 0;
  const bool was_full = receive_room() == 0;
  const std::uint8_t byte = received_[received_first_].byte;
  received_first_ = (received_first_ + 1) % uart_fifo_bytes;
  --received_count_;
  timed_out_ = false;
  restart_timeout();
  if (was_full && wires_.room) wires_.room();
  return byte;
}

std::uint8_t Uart::take_source() {
  const std::uint8_t value = source();
  if (value == iir_transmit_empty) transmit_empty_ = false;
  return value | (fifos_ ? iir_fifos : 0);
}

/// The most urgent reason for an interrupt.
std::uint8_t Uart::source() const {
  constexpr std::uint8_t line_faults = lsr_overrun | lsr_parity | lsr_framing | lsr_break;
  if ((interrupt_enable_ & ier_line_status) != 0 && (line_status() & line_faults) != 0)
    return iir_line_status;
  if ((interrupt_enable_ & ier_data) != 0) {
    if (received_count_ >= trigger_) return iir_data;
    if (timed_out_) return iir_timeout;
  }
  if ((interrupt_enable_ & ier_transmit_empty) != 0 && transmit_empty_) return iir_transmit_empty;
  return iir_none;
}

void Uart::update_interrupt() {
  const bool raised = source() != iir_none && (modem_control_ & mcr_out2) != 0;
  if (raised == raised_) return;
  raised_ = raised;
  if (wires_.interrupt) wires_.interrupt(raised);
}

// -- the line

void Uart::receive(std::uint8_t character, LineFault fault) {
  const std::uint8_t faults = faults_of(fault);
  count_fault(faults);
  if (receive_room() == 0) {
    overrun_ = true;
    count(counters_.overruns, trace::Counter::overruns);
  } else {
    received_[(received_first_ + received_count_) % uart_fifo_bytes] = {character, faults};
    ++received_count_;
    ++counters_.received;
    restart_timeout();
  }
  update_interrupt();
}

void Uart::count(std::uint32_t& counter, trace::Counter name) {
  ++counter;
  journal_.counted(0, name, counter - 1, counter);
}

void Uart::count_fault(std::uint8_t faults) {
  if (faults == lsr_parity) count(counters_.parity_errors, trace::Counter::parity_errors);
  if (faults == lsr_framing) count(counters_.framing_errors, trace::Counter::framing_errors);
  if (faults == lsr_break) count(counters_.breaks, trace::Counter::breaks);
}

void Uart::restart_timeout() {
  if (timeout_timer_ != 0) host_.timer_cancel(timeout_timer_);
  timeout_timer_ = 0;
  if (!fifos_ || received_count_ == 0) return;
  timeout_timer_ = host_.timer_start(timeout_characters * character_time_, [this] {
    timeout_timer_ = 0;
    timed_out_ = received_count_ > 0;
    update_interrupt();
  });
}

void Uart::line_ready() {
  line_blocked_ = false;
  transmit();
  update_interrupt();
}

void Uart::transmit() {
  if (transmitting_ || line_blocked_ || transmit_timer_ != 0 || to_send_.empty()) return;
  // The line was idle: the next character starts now, not earlier.
  line_free_at_ = std::max(line_free_at_, host_.now());
  transmit_due();
}

/// Sends every character that is due: several after a late timer, and also those with which the driver
/// refills the FIFO during the loop.
void Uart::transmit_due() {
  transmitting_ = true;
  const Time now = host_.now();
  for (int sent = 0; sent < sent_per_turn_max && !to_send_.empty() && line_free_at_ <= now; ++sent) {
    line_blocked_ = !wires_.send(to_send_.front()[0]);
    if (line_blocked_) break;
    to_send_.drop(1);
    ++counters_.sent;
    line_free_at_ += character_time_;
    if (to_send_.empty()) {
      transmit_empty_ = true;
      update_interrupt();
    }
  }
  transmitting_ = false;
  if (to_send_.empty() || line_blocked_) return;
  transmit_timer_ = host_.timer_start(std::max(line_free_at_ - now, Duration::zero()), [this] {
    transmit_timer_ = 0;
    transmit_due();
    update_interrupt();
  });
}

}  // namespace ringside::xen
