// The kernel of dom0. It is the same kernel that guests run, with other devices. Its console is the machine's
// serial line, by VIRQ_CONSOLE and console_io; it has its own keyboard and screen; and it has a control
// channel with both ends in dom0, so that the tools reach it as they reach any guest.
//
// There is one per machine, beside dom0's daemons and independent of them. It owns its ttys and its end of
// the control channel. The domain itself belongs to the hypervisor, and outlives it.
#pragma once

#include <optional>
#include <string>

#include "emu/domu/ctrl_if.h"
#include "emu/domu/port_events.h"
#include "emu/domu/screen_tty.h"
#include "emu/domu/serial_tty.h"
#include "emu/domu/tool_requests.h"

namespace ringside::domu {

struct Dom0KernelOptions {
  ProgramSpec program;          ///< the program that init runs on each tty
  std::string keyboard_socket;  ///< the socket of keyboard and screen; empty: there are none
};

class Dom0Kernel {
 public:
  /// `privcmd` is a connection of dom0.
  Dom0Kernel(Host& host, trace::Journal journal, Privcmd privcmd, Dom0KernelOptions options);
  Dom0Kernel(const Dom0Kernel&) = delete;
  Dom0Kernel& operator=(const Dom0Kernel&) = delete;

  /// Boots, and has init start the programs. Called once. Fails as the hypervisor and the host do.
  Result<> start();

 private:
  Result<> open_channel(ring::Port previous_port);
  Result<> bind_console();
  Result<> bind_keyboard();
  void print_boot_messages(const DomainInfo& info);
  void channel_event();
  void notify();
  void shutdown_requested(Request request);
  void failed(const Error& error);
  void hypervisor_gone(const std::string& why);

  Host& host_;
  trace::Journal journal_;
  Privcmd privcmd_;
  Dom0KernelOptions options_;
  bool gone_ = false;

  // Each uses the ones above it.
  Mapping frame_;
  std::optional<PortEvents> events_;
  ring::Port channel_port_ = 0;
  ring::Port controller_port_ = 0;
  std::uint32_t attachments_ = 0;
  std::optional<CtrlIf> ctrl_if_;
  std::optional<SerialTty> serial_;
  std::optional<ScreenTty> screen_;
  std::optional<ToolRequests> tool_requests_;
};

}  // namespace ringside::domu
