// xenctld: one daemon that replaces xcs and xend. It is a console daemon (console_daemon.h) that maps each
// domain's page itself, and keeps a pty for each domain (xenctld_console.h).
//
// It reaches each guest through a Channel, and the hypervisor through Privcmd. After a restart it takes over
// its previous consoles. It ignores domains whose channel another program has. Two instances, or one and xcs,
// must not serve the same machine.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "emu/dom0/channel/channel.h"
#include "emu/dom0/channel/event_device.h"
#include "emu/dom0/console/console_daemon.h"
#include "emu/dom0/xenctld/xenctld_console.h"

namespace ringside::dom0 {

struct XenctldOptions {
  std::string management_socket;      ///< where programs connect
  std::string console_directory;      ///< where the links pty-<domid> and the files console-<domid>.kept are
  std::size_t queue_limit_bytes = 0;  ///< of each console, see XenctldConsole
};

class Xenctld : public ConsoleDaemon {
 public:
  Xenctld(Host& host, trace::Journal journal, Privcmd privcmd, XenctldOptions options);
  ~Xenctld() override;

  /// Takes over the existing domains, and serves. Fails when the socket cannot be opened or the hypervisor
  /// does not answer.
  Result<> start();

 private:
  Result<> bind_virq();
  void read_events();

  [[nodiscard]] ConsoleGuest guest_of(Domain& domain) override;
  [[nodiscard]] Result<> make_console(Domain& domain, ConsoleStore store) override;
  void open_channel(Domain& domain) override;
  [[nodiscard]] Channel::Events events_of(Domain& domain);
  void close_channel(Domain& domain, const std::function<void()>& closed) override;
  void take_last_output(Domain& domain) override;
  void settle(Domain& domain);

  XenctldOptions options_;
  std::unique_ptr<EventDevice> events_;
  ChannelCounters counters_;
  /// By domain id: the domains whose link is open.
  std::vector<std::unique_ptr<Channel>> channels_;
  ring::Port virq_port_ = 0;
  Host::TimerId settle_timer_ = 0;
  Host::TimerId check_timer_ = 0;
};

}  // namespace ringside::dom0
