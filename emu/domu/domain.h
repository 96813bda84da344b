// A guest: it boots on its shared page, runs one program on its console, and shuts its domain down when the
// program has ended.
//
// There is one per process (or one of many in a simulation), driven by its Host. It owns the connection to
// the hypervisor, the mapping of its frame, the event channel, the control channel, the console driver and
// the program. The hypervisor does not trust it: it cannot affect another domain.
//
// Its console is the control interface of 2005, or the byte rings of today, as its start info says. A guest
// of today has no control channel, so the tools send it no requests (domain_today.cc).
//
// When it is asked to suspend, it stops sending, waits until all messages have responses, gives up its page
// and its ports, and continues in another page when it is resumed (domain_suspend.cc).
//
// It ends in one of three ways: the program ends; the tools request a shutdown, and the program is killed;
// the hypervisor ends. In the first two cases all output is delivered and every message answered first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "emu/domu/console_tty.h"
#include "emu/domu/ctrl_if.h"
#include "emu/domu/exit_status.h"
#include "emu/domu/guest_events.h"
#include "emu/domu/hvc_tty.h"
#include "emu/domu/tool_requests.h"
#include "emu/host/host.h"

namespace ringside::domu {

struct DomUOptions {
  /// The program that runs on the console, and its arguments. Never empty.
  std::vector<std::string> argv;
  /// The terminal does not echo, translate or turn keys into signals.
  bool raw = false;
  /// No boot messages, no shutdown messages.
  bool quiet = false;
  /// Printed between the first and the last boot message, each a line without its end.
  std::vector<std::string> boot_lines = {};
  Quirks quirks = {};
  /// The size of the console driver's transmit buffer: transmit_buffer_bytes_min to _max, rounded up to a
  /// power of two.
  std::size_t console_buffer_bytes = transmit_buffer_bytes_default;
};

class DomU {
 public:
  /// `privcmd` is the connection that this domain was given.
  DomU(Host& host, trace::Journal journal, Privcmd privcmd, DomUOptions options);
  ~DomU();
  DomU(const DomU&) = delete;
  DomU& operator=(const DomU&) = delete;

  /// Boots, and starts the program. Everything else happens in the host's callbacks, the last of which calls
  /// Host::stop. Called once. Fails when the hypervisor refuses a call or the start info is incomplete. A
  /// program that cannot be started is not a failure: the guest then shuts down with exit_status_no_program.
  Result<> start();

  /// Prints a kernel message, as ConsoleTty::print does. The guest must have booted.
  void log(std::string_view text);
  /// With `hold`, leaves dom0's requests in the ring from now on; without it, takes them again. For a guest
  /// of 2005, as throttle().
  void hold_requests(bool hold);
  /// Sends XOFF (`full`) or XON, as a tty with IXOFF does when its input is full or has room again. The guest
  /// must have booted.
  void throttle(bool full);

  /// For tests and reports; null before start().
  [[nodiscard]] const CtrlIf* ctrl_if() const { return ctrl_if_ ? &*ctrl_if_ : nullptr; }
  [[nodiscard]] const ConsoleTty* console() const { return console_ ? &*console_ : nullptr; }

 private:
  enum class Phase : std::uint8_t {
    off,
    running,
    suspended,  ///< suspended, or resumed and not attached to the new page yet
    ending,     ///< the program has ended: its output and the responses are still in transit
    stopped,
  };

  Result<> connect(const DomainInfo& info);
  Result<> connect_today(const DomainInfo& info);
  void notify_today();
  [[nodiscard]] GuestConsole& console_in_use();
  [[nodiscard]] bool has_drained() const;
  Result<GuestEvents::Channel> open_channel(ring::Port port);
  Result<> bind_window();
  void register_receivers(ring::Abi abi);
  void print_boot_messages(const DomainInfo& info);
  void start_program(const DomainInfo& info);

  void serve();
  void settle();
  void spin();
  void program_ended(int status);
  void read_window();
  void end(ShutdownReason reason);

  // Suspension (domain_suspend.cc).
  void suspend_requested();
  void suspend_when_possible();
  [[nodiscard]] bool can_suspend() const;
  void suspend();
  void continue_after_resume();
  Result<> attach_again(const Privcmd::StartInfo& start_info);

  void hypervisor_gone(const std::string& why);

  void shutdown_requested(Request request);

  Host& host_;
  trace::Journal journal_;
  Privcmd privcmd_;
  DomUOptions options_;

  Phase phase_ = Phase::off;
  Host::TimerId spin_timer_ = 0;
  DomainId domain_ = 0;
  Handle process_;
  ShutdownReason reason_ = ShutdownReason::poweroff;
  bool ending_asked_ = false;  ///< by the tools; the first request counts
  int exit_status_ = 0;
  bool requests_held_ = false;
  bool suspend_asked_ = false;
  Host::TimerId suspend_timer_ = 0;
  std::optional<int> ended_while_suspended_;  ///< the program ended before the guest was attached again
  ring::Port window_port_ = 0;

  // Each uses the ones above it.
  Mapping frame_;
  std::optional<GuestEvents> events_;
  std::optional<CtrlIf> ctrl_if_;
  std::optional<ConsoleTty> console_;
  std::optional<ToolRequests> tool_requests_;
  // In a domain of today, in place of ctrl_if_, console_ and tool_requests_.
  Mapping rings_;
  std::optional<HvcTty> hvc_;
};

}  // namespace ringside::domu
