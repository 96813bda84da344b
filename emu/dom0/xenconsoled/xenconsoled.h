// xenconsoled, the console daemon of today's Xen: a pty for each domain whose console is two rings of bytes.
//
// It finds a domain's rings and event channel by the domain's start info, where Xen's has them from xenstore.
// A program asks for a console once the domain is built (`console N`), in place of the store's introduction.
// Such a request names the pty, too, which Xen's writes into the store. All else follows Xen's daemon: what
// byte_console.h says, and that a domain's console goes with the domain, at once, with all output that the
// pty has not taken. It keeps nothing in files: a daemon that is killed loses its ptys and all output that
// waited, and the next one serves the domains that are there.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "emu/dom0/channel/event_device.h"
#include "emu/dom0/requests/line_server.h"
#include "emu/dom0/xenconsoled/byte_console.h"
#include "emu/host/host.h"
#include "emu/host/hypercall.h"
#include "emu/trace/journal.h"

namespace ringside::dom0 {

/// As libxenlight writes it into the store.
inline constexpr std::size_t xenconsoled_limit_bytes = 1'048'576;

struct XenconsoledOptions {
  std::string management_socket;                      ///< where programs connect
  std::string console_directory;                      ///< where the links pty-<domid> are
  std::size_t limit_bytes = xenconsoled_limit_bytes;  ///< of each console, see byte_console.h
};

class Xenconsoled {
 public:
  Xenconsoled(Host& host, trace::Journal journal, Privcmd privcmd, XenconsoledOptions options);
  ~Xenconsoled();
  Xenconsoled(const Xenconsoled&) = delete;
  Xenconsoled& operator=(const Xenconsoled&) = delete;

  /// Serves the domains of today that exist, and requests. Fails when the socket cannot be opened or the
  /// hypervisor does not answer.
  Result<> start();

 private:
  struct Domain {
    std::uint32_t frame = 0;  ///< of its shared_info; another one means another domain with the same id
    ring::Port guest_port = 0;
    ring::Port local_port = 0;
    std::unique_ptr<ByteConsole> console;
  };
  using Client = LineServer::ClientId;

  void read_events();
  void check_later();
  void check_all();
  Result<const Domain*> serve(DomainId id);
  Result<> take_up(const DomainInfo& info);
  void notify(ring::Port port);
  void remove(DomainId id);
  void take_request(Client client, std::string_view line);
  void ask_console(Client client, DomainId id);
  void ask_consoles(Client client);

  Host& host_;
  trace::Journal journal_;
  Privcmd privcmd_;
  XenconsoledOptions options_;
  LineServer server_;
  std::unique_ptr<EventDevice> events_;
  ring::Port virq_port_ = 0;
  Host::TimerId check_timer_ = 0;
  std::map<DomainId, Domain> domains_;
  std::map<ring::Port, DomainId> by_port_;
};

}  // namespace ringside::dom0
