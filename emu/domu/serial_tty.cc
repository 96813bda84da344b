// Input on VIRQ_CONSOLE, output by console_io.
#include "emu/domu/serial_tty.h"

#include <array>
#include <utility>

namespace ringside::domu {

SerialTty::SerialTty(Host& host, trace::Journal journal, Privcmd& privcmd, ProgramSpec program,
                     std::function<void(const Error&)> failed)
    : host_(host),
      privcmd_(privcmd),
      failed_(std::move(failed)),
      tty_(host, journal, "ttyS0", std::move(program),
           {.send = [this](Bytes bytes) { return send(bytes); }, .input_room = [this] { interrupt(); }}) {}

SerialTty::~SerialTty() {
  if (retry_timer_ != 0) host_.timer_cancel(retry_timer_);
}

void SerialTty::interrupt() {
  while (tty_.input_room() >= console_read_bytes_usual) {
    std::array<std::uint8_t, console_read_bytes_usual> into;
    auto bytes = privcmd_.console_read(into);
    if (!bytes) return failed_(bytes.error());
    if (*bytes == 0) return;
    tty_.receive(std::span(into).first(*bytes));
  }
}

std::size_t SerialTty::send(Bytes bytes) {
  if (retry_timer_ != 0) return 0;
  auto taken = privcmd_.console_write(bytes);
  if (!taken) {
    failed_(taken.error());
    return bytes.size();  // nobody is left who could show it
  }
  if (*taken == 0) {
    retry_timer_ = host_.timer_start(serial_retry_delay, [this] {
      retry_timer_ = 0;
      tty_.output_room();
    });
  }
  return *taken;
}

}  // namespace ringside::domu
