// Connects the parts.
#include "emu/xen/serial_console.h"

#include <fmt/format.h>

#include <utility>

namespace ringside::xen {

SerialConsole::SerialConsole(Host& host, trace::Journal journal, SerialConsoleOptions options,
                             std::function<void()> raise_virq)
    : uart_(host, journal.as(trace::actor(trace::Role::uart)), options.line.bits_per_second,
            {.interrupt = [this](bool raised) { port_.interrupt(raised); },
             .send = [this](std::uint8_t character) { return line_.send(character); },
             .room = [this] { line_.room(); }}),
      line_(host, journal.as(trace::actor(trace::Role::uart)), uart_, std::move(options.line),
            [this] { return console_.dom0_is_behind(); }),
      port_(uart_, journal),
      console_(port_, journal, options.conswitch,
               {.key_pressed = [this](std::uint8_t key) { keys_.press(key); },
                .raise_virq = std::move(raise_virq)}),
      keys_([this](std::string_view line) { console_.print(line); }) {
  keys_.add('d', "show the serial chip's registers", true, [this] { show_registers(); });
}

Result<> SerialConsole::start() {
  if (auto started = line_.start(); !started) return started;
  port_.start();
  console_.start();
  return Done{};
}

/// Xen's 'd' showed the processor's registers. ringside emulates no processor, so this shows those of the
/// UART.
void SerialConsole::show_registers() {
  const auto value = [this](UartRegister which) { return uart_.peek(which); };
  const UartCounters& seen = uart_.counters();
  console_.print("'d' pressed: registers of com1 (no processor is emulated)");
  console_.print(fmt::format(" IER {:02x} IIR {:02x} LCR {:02x} MCR {:02x} LSR {:02x} MSR {:02x} SCR {:02x}",
                             value(UartRegister::interrupt_enable), value(UartRegister::interrupt_or_fifo),
                             value(UartRegister::line_control), value(UartRegister::modem_control),
                             value(UartRegister::line_status), value(UartRegister::modem_status),
                             value(UartRegister::scratch)));
  console_.print(fmt::format(" received {} sent {}, without a far end {}", seen.received, seen.sent,
                             line_.unheard_bytes()));
  console_.print(fmt::format(" overruns {}, parity errors {}, framing errors {}, breaks {}", seen.overruns,
                             seen.parity_errors, seen.framing_errors, seen.breaks));
  console_.print(fmt::format(" without a receiver {}, dropped on the way to dom0 {}, of xen's own output {}",
                             port_.unclaimed_dropped(), console_.counters().input_dropped,
                             console_.counters().output_dropped));
}

}  // namespace ringside::xen
