// The hypervisor: answers hypercalls, raises events, and monitors the processes of domains. It owns the
// domain table and the event channels. It does not use rings and never reads what a guest has written, except
// for the words that say whether an event needs a kick.
//
// A caller is identified by the connection of its call. dom0's connections may do everything; a guest's
// connection acts for its own domain and is not trusted, whether its kernel or a program in it has it. Every
// argument is checked, and a refusal gives the reason in words.
//
// hypervisor.cc holds the dispatch and the life of domains, hypervisor_ends.cc their end and suspension,
// hypervisor_events.cc the event channels, hypervisor_grants.cc the grants, hypervisor_console.cc the
// console.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "emu/base/check.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"
#include "emu/xen/domains.h"
#include "emu/xen/event_channels.h"
#include "emu/xen/grants.h"
#include "emu/xen/serial_console.h"

namespace ringside::xen {

struct HypervisorOptions {
  ring::Abi dom0_abi = ring::Abi::sring;  ///< of dom0's own event bits
  std::size_t domains_max = xen::domains_max;
  SerialConsoleOptions console = {};
};

class Hypervisor {
 public:
  /// `host` and the journal's sink must outlive it; it must outlive the host's last callback.
  Hypervisor(Host& host, trace::Journal journal, HypervisorOptions options = {});
  Hypervisor(const Hypervisor&) = delete;
  Hypervisor& operator=(const Hypervisor&) = delete;

  /// Creates dom0 and serves hypercalls from now on. Fails as the host does.
  Result<> start();
  /// Destroys every domain but dom0, when the machine goes down.
  void shutdown_all();

 private:
  /// One hypercall while it is being answered.
  struct Call {
    const HypercallCaller& caller;
    const HypercallArguments& arguments;
    std::vector<Handle> given;     ///< arrived with the call; released if not kept
    std::vector<Handle>& handles;  ///< leave with the answer
    HypercallAnswer& answer;
  };

  HypercallAnswer serve(const HypercallCaller& caller, const HypercallArguments& arguments,
                        std::vector<Handle>& handles);
  Result<> dispatch(Call& call);
  void gone(const HypercallCaller& caller);

  // -- privilege
  [[nodiscard]] static DomainId resolve(const Call& call, DomainId domain);
  Result<Domain*> own_or_any(const Call& call, DomainId domain);
  Result<Domain*> guest_of_dom0(const Call& call);

  // -- the life of domains
  Result<> domain_create(Call& call);
  Result<> domain_connection(Call& call);
  Result<> domain_set_process(Call& call);
  Result<> domain_set_console_port(Call& call);
  Result<> leads_to_dom0(DomainId domain, ring::Port port);
  Result<> domain_pause(Call& call);
  Result<> domain_unpause(Call& call);
  Result<> domain_destroy(Call& call);
  Result<> domain_info(Call& call);
  Result<> start_info(Call& call);
  Result<> map_frame(Call& call);
  Result<> window_set(Call& call);
  Result<> memory_set(Call& call);

  // -- the end, suspension and resumption of a domain
  Result<> sched_shutdown(Call& call);
  void suspend(Domain& domain);
  Result<> domain_resume(Call& call);
  void destroy(DomainId domain);
  void process_ended(DomainId domain, int status);
  void disconnected(DomainId domain);
  void crash(Domain& domain, int status, trace::Fact how = trace::Fact::crashed);

  // -- Xen's console
  void tell(DomainId domain, trace::Fact what, const trace::Values& values = {},
            std::string_view argument = {});
  void add_keys();
  void show_domains();
  static Result<> only_dom0(const Call& call);
  Result<> console_write(Call& call);
  Result<> console_read(Call& call);
  Result<> dmesg_read(Call& call);
  Result<> dmesg_clear(Call& call);

  // -- event channels
  [[nodiscard]] ring::EventBits<> bits_of(Domain& domain, bool program) const;
  Result<Kicks> prepare_port(DomainId domain, ring::Port port, bool owned);
  Result<> evtchn_alloc_unbound(Call& call);
  Result<> evtchn_bind_interdomain(Call& call);
  Result<> evtchn_bind_virq(Call& call);
  Result<> evtchn_bind_pirq(Call& call);
  Result<> evtchn_bind_ipi(Call& call);
  Result<> evtchn_close(Call& call);
  Result<> evtchn_send(Call& call);
  Result<> send(Domain& sender, ring::Port port);
  Result<> evtchn_status(Call& call);
  Result<> evtchn_open(Call& call);
  Result<> interrupt(Call& call);
  Result<> hand_out(Call& call, const Handle& handle);
  void raise(Domain& receiver, ring::Port port, DomainId about,
             trace::EventSource source = trace::EventSource::channel, std::uint32_t interrupt_number = 0);
  void raise_on_console(Domain& guest, ring::Port dom0_port);
  void wake_controller(Domain& guest);
  void raise_virq(Domain& receiver, std::uint32_t virq, DomainId about);
  [[nodiscard]] const Kicks& kicks_of(const Domain& domain, ring::Port port) const;

  // -- grants
  /// The owner of a new port or grant: the caller's connection, if it asks for that.
  [[nodiscard]] static EventChannels::Owner owner_of(const Call& call);
  Result<DomainId> granting_domain(const Call& call);
  Result<Handle> granted_frame(const Call& call, bool read_only);
  Result<> grant_share(Call& call);
  Result<> grant_end(Call& call);
  Result<> grant_map(Call& call);
  Result<> grant_notify(Call& call);
  void end_grants_of(const HypercallCaller& caller);

  Host& host_;
  trace::Journal journal_;
  ring::Abi dom0_abi_;
  DomainTable domains_;
  EventChannels channels_;
  Grants grants_;
  SerialConsole serial_console_;
};

}  // namespace ringside::xen
