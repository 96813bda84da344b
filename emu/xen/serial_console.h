// The serial console as one object, from the far end of the line to dom0's interrupt: line, chip, serial
// layer, console, keys. It owns and connects them; the hypervisor has one.
#pragma once

#include <functional>
#include <string>

#include "emu/xen/console.h"
#include "emu/xen/key_handlers.h"
#include "emu/xen/serial_line.h"
#include "emu/xen/serial_port.h"
#include "emu/xen/uart.h"

namespace ringside::xen {

struct SerialConsoleOptions {
  SerialLineOptions line;
  std::string conswitch{conswitch_default};
};

class SerialConsole {
 public:
  /// `host` must outlive it. `raise_virq` raises dom0's VIRQ_CONSOLE.
  SerialConsole(Host& host, trace::Journal journal, SerialConsoleOptions options,
                std::function<void()> raise_virq);

  /// Makes the far end and takes input from it. Fails as the host does.
  Result<> start();

  [[nodiscard]] Console& console() { return console_; }
  [[nodiscard]] KeyHandlers& keys() { return keys_; }
  [[nodiscard]] const Uart& uart() const { return uart_; }

 private:
  void show_registers();

  Uart uart_;
  SerialLine line_;
  SerialPort port_;
  Console console_;
  KeyHandlers keys_;
};

}  // namespace ringside::xen
