// Input on VIRQ_CONSOLE, output by console_io.
#include "emu/domu/serial_tty.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace ringside::domu {

SerialTty::SerialTty(Host& host, trace::Journal journal, Privcmd& privcmd, ProgramSpec program,
                     std::function<void(const Error&)> failed)
    : host_(host),
      privcmd_(privcmd),
      failed_(std::move(failed)),
      tty_(host, journal, trace::Dom0Tty::ttyS0, std::move(program),
           {.send = [this](Bytes bytes) { return send(bytes); }, .input_room = [this] { interrupt(); }}) {}

SerialTty::~SerialTty() {
  if (retry_timer_ != 0) host_.timer_cancel(retry_timer_);
}

void SerialTty::interrupt() {
  if (waiting_) return;
  while (tty_.input_room() >= console_read_bytes_usual) {
    std::array<std::uint8_t, console_read_bytes_usual> into;
    auto bytes = privcmd_.console_read(into);
    if (!bytes) return failed(bytes.error());
    if (*bytes == 0) return;
    tty_.receive(std::span(into).first(*bytes));
  }
}

std::size_t SerialTty::send(Bytes bytes) {
  if (retry_timer_ != 0 || waiting_) return 0;
  // One call at a time: a call without an answer must be repeated with the same bytes.
  const std::size_t piece =
      std::min(bytes.size(), unanswered_bytes_ != 0 ? unanswered_bytes_ : console_write_bytes_max);
  auto taken = privcmd_.console_write(bytes.first(piece));
  if (!taken) {
    failed(taken.error());
    if (!waiting_) return bytes.size();  // the hypervisor is gone: the output is discarded
    unanswered_bytes_ = piece;
    return 0;
  }
  unanswered_bytes_ = 0;
  if (*taken == 0) retry_in(serial_retry_delay);
  return *taken;
}

void SerialTty::retry_in(Duration delay) {
  retry_timer_ = host_.timer_start(delay, [this] {
    retry_timer_ = 0;
    if (std::exchange(waiting_, false)) interrupt();
    tty_.output_room();
  });
}

/// A call without an answer is repeated when the hypervisor answers.
void SerialTty::failed(const Error& error) {
  if (error.code != ETIMEDOUT) return failed_(error);
  waiting_ = true;
  const auto again = [this] { retry_in(Duration::zero()); };
  if (privcmd_.answers(again)) again();
}

}  // namespace ringside::domu
