// The event channels of all domains: which port of which domain is in which state, and the rules by which
// states change. A port belongs to its domain, not to the process that asked for it; so it outlives a daemon
// that dies, and the next one finds it by binding again.
//
// This is the table alone. It raises nothing and checks no privilege beyond the one rule that is part of
// binding; hypervisor.h does both. Every call takes ids of domains that were added; the hypervisor has looked
// them up before. Ports are the caller's word and are checked here.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "emu/base/check.h"
#include "emu/host/hypercall.h"
#include "emu/trace/journal.h"
#include "emu/xen/kicks.h"
#include "ring/event_bits.h"

namespace ringside::xen {

class EventChannels {
 public:
  /// Called when a closed port is about to begin a life: leaves no bits of an earlier one behind, and answers
  /// the kicks that the port is to own (none for a domain whose ports share one). An error refuses the port.
  using Prepare = std::function<Result<Kicks>(DomainId, ring::Port)>;

  EventChannels(Prepare prepare, trace::Journal journal);

  /// All ports closed. Ports of others that still wait for an earlier domain of that id are closed: whoever
  /// bound them did not mean this one.
  void add_domain(DomainId domain);
  /// The domain stays; its ports close, and those of others that were bound to them wait for it.
  void close_all(DomainId domain);
  /// Closes all its ports, and what that leaves abandoned.
  void remove_domain(DomainId domain);

  // -- the operations. EINVAL: no such port, or its state does not allow it. ENOSPC: no closed port is left.
  Result<ring::Port> alloc_unbound(DomainId domain, DomainId remote);

  struct Pair {
    ring::Port port1;
    ring::Port port2;
  };
  /// Either port may be any_port. A pair that is bound already is answered as it is. `may_open_second` says
  /// whether the caller may open a closed port of domain2, or needs one there that waits for domain1 (EPERM).
  Result<Pair> bind_interdomain(DomainId domain1, DomainId domain2, ring::Port port1, ring::Port port2,
                                bool may_open_second);
  /// The same port again for a virq that is bound. `virq` < virqs.
  Result<ring::Port> bind_virq(DomainId domain, std::uint32_t virq);
  /// The same port again for an interrupt that is bound. `pirq` < pirqs.
  Result<ring::Port> bind_pirq(DomainId domain, std::uint32_t pirq);
  Result<ring::Port> bind_ipi(DomainId domain);
  /// The other end of an interdomain channel becomes unbound and waits for `domain`.
  Result<> close(DomainId domain, ring::Port port);
  [[nodiscard]] Result<PortStatus> status(DomainId domain, ring::Port port) const;

  /// any_port when it is not bound.
  [[nodiscard]] ring::Port virq_port(DomainId domain, std::uint32_t virq) const;
  [[nodiscard]] ring::Port pirq_port(DomainId domain, std::uint32_t pirq) const;
  /// What Prepare made for a port that is not closed.
  [[nodiscard]] const Kicks& kicks(DomainId domain, ring::Port port) const;

  /// A process of dom0, known by its connection, has opened a port of dom0 that is not closed.
  void opened(ring::Port port, std::uint32_t connection);
  /// That process is gone.
  void connection_gone(std::uint32_t connection);

 private:
  struct Entry {
    PortStatus status;
    Kicks kicks;
    std::vector<std::uint32_t> openers;  ///< dom0's ports only: connections, each once
  };
  /// As long as the highest port that was ever used: most domains use two or three.
  using Table = std::vector<Entry>;

  [[nodiscard]] const Table& table(DomainId domain) const;
  [[nodiscard]] PortStatus look(DomainId domain, ring::Port port) const;
  [[nodiscard]] ring::Port port_of(DomainId domain, PortState state, std::uint32_t number) const;
  [[nodiscard]] Entry& entry(DomainId domain, ring::Port port);
  [[nodiscard]] Result<ring::Port> lowest_closed(DomainId domain, ring::Port except) const;
  [[nodiscard]] Result<bool> end_fits(DomainId own, ring::Port port, DomainId other,
                                      ring::Port other_port) const;
  Result<ring::Port> open(DomainId domain, const PortStatus& status);
  void close_entry(DomainId domain, ring::Port port);
  void close_abandoned();

  Prepare prepare_;
  trace::Journal journal_;
  std::map<DomainId, Table> tables_;
};

}  // namespace ringside::xen
