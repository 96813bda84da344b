// The event channels of all domains: the state of each port, and the rules by which states change. A port
// belongs to its domain, not to the process that requested it. So it outlives a daemon that dies, and the
// next daemon finds it by binding again.
//
// This is the table alone. It raises no events, and checks no privilege beyond the one rule that is part of
// binding; hypervisor.h does both. Domain ids passed to it must exist; the hypervisor has looked them up
// before. Ports come from the caller and are checked here.
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
  /// Called when a closed port is about to be opened. Clears old bits of the port, and returns the kicks that
  /// the port is to have (none if it shares the domain's). `owned`: it will belong to a connection. An error
  /// refuses the port.
  using Prepare = std::function<Result<Kicks>(DomainId, ring::Port, bool owned)>;

  EventChannels(Prepare prepare, trace::Journal journal);

  /// Starts with all ports closed. Ports of other domains that still wait for an earlier domain of that id
  /// are closed: they were not meant for this one.
  void add_domain(DomainId domain);
  /// The domain stays; its ports close, and ports of others that were bound to them wait for it.
  void close_all(DomainId domain);
  /// Closes all its ports, and each port of dom0 that waits for it and that no process has open.
  void remove_domain(DomainId domain);

  /// The connection that a port belongs to. The port is closed when the connection closes.
  using Owner = std::uint32_t;
  static constexpr Owner no_owner = 0;  ///< the port belongs to its domain

  // -- the operations. EINVAL: no such port, or its state does not allow it. ENOSPC: no closed port is left.
  // `owner` is for the new port of the calling domain.
  Result<ring::Port> alloc_unbound(DomainId domain, DomainId remote, Owner owner = no_owner);

  struct Pair {
    ring::Port port1;
    ring::Port port2;
  };
  /// Either port may be any_port. For a pair that is bound already, that pair is returned. `may_open_second`
  /// says whether the caller may open a closed port of domain2; otherwise the port must wait for domain1
  /// (EPERM). With an owner, as in today's Xen, it must always wait: one that is closed, or bound already, is
  /// refused (EINVAL).
  Result<Pair> bind_interdomain(DomainId domain1, DomainId domain2, ring::Port port1, ring::Port port2,
                                bool may_open_second, Owner owner = no_owner);
  /// Returns the same port again for a virq that is bound, but a new one for an owner. `virq` < virqs.
  Result<ring::Port> bind_virq(DomainId domain, std::uint32_t virq, Owner owner = no_owner);
  /// Returns the same port again for an interrupt that is bound. `pirq` < pirqs.
  Result<ring::Port> bind_pirq(DomainId domain, std::uint32_t pirq);
  Result<ring::Port> bind_ipi(DomainId domain);
  /// The other end of an interdomain channel becomes unbound and waits for `domain`.
  Result<> close(DomainId domain, ring::Port port);
  [[nodiscard]] Result<PortStatus> status(DomainId domain, ring::Port port) const;

  /// The ports that are bound to the virq: at most one of the domain itself, and those of owners.
  [[nodiscard]] std::vector<ring::Port> virq_ports(DomainId domain, std::uint32_t virq) const;
  /// any_port when the interrupt is not bound.
  [[nodiscard]] ring::Port pirq_port(DomainId domain, std::uint32_t pirq) const;
  /// The kicks that Prepare made, for a port that is not closed; invalid if it made none.
  [[nodiscard]] const Kicks& kicks(DomainId domain, ring::Port port) const;

  /// A process of dom0, identified by its connection, has opened a port of dom0 that is not closed.
  void opened(ring::Port port, std::uint32_t connection);
  /// Whether another process of dom0 has opened the port.
  [[nodiscard]] bool opened_by_another(ring::Port port, std::uint32_t connection) const;
  /// Whether the port belongs to a connection.
  [[nodiscard]] bool owned(DomainId domain, ring::Port port) const;
  [[nodiscard]] bool owned_by(DomainId domain, ring::Port port, Owner owner) const;
  /// Adds an owner to a port that has owners; no effect on a port without owners. EINVAL: it is closed.
  Result<> keep(DomainId domain, ring::Port port, Owner owner);
  /// A connection of the domain, which may be gone as well, has closed. Closes the ports that had no other
  /// owner, and abandoned ports.
  void connection_gone(DomainId domain, std::uint32_t connection);

 private:
  struct Entry {
    PortStatus status;
    Kicks kicks;
    std::vector<std::uint32_t> openers;  ///< dom0's ports only: connections, each once
    std::vector<Owner> owners;           ///< empty: it belongs to the domain
  };
  /// Indexed by port. It grows with the highest port used: most domains use two or three ports.
  using Table = std::vector<Entry>;

  [[nodiscard]] const Table& table(DomainId domain) const;
  [[nodiscard]] PortStatus look(DomainId domain, ring::Port port) const;
  [[nodiscard]] ring::Port port_of(DomainId domain, PortState state, std::uint32_t number) const;
  void set_owner(DomainId domain, ring::Port port, Owner owner);
  [[nodiscard]] Entry& entry(DomainId domain, ring::Port port);
  [[nodiscard]] Result<ring::Port> lowest_closed(DomainId domain, ring::Port except) const;
  [[nodiscard]] Result<bool> end_fits(DomainId own, ring::Port port, DomainId other,
                                      ring::Port other_port) const;
  Result<ring::Port> open(DomainId domain, const PortStatus& status, Owner owner = no_owner);
  void close_entry(DomainId domain, ring::Port port);
  void close_abandoned();

  Prepare prepare_;
  trace::Journal journal_;
  std::map<DomainId, Table> tables_;
};

}  // namespace ringside::xen
