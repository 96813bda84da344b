// The rules of event channels. Each operation decides first and changes afterwards, so that a refused
// operation changes nothing.
#include "emu/xen/event_channels.h"

#include <algorithm>
#include <string_view>

#include "emu/xen/refusal.h"

namespace ringside::xen {

namespace {

constexpr DomainId dom0 = 0;

Error no_such_port(DomainId domain, ring::Port port) {
  return refusal(EINVAL, trace::Refusal::no_such_port, domain, port, ring::ports_per_domain - 1);
}

bool is_port(ring::Port port) {
  return port != any_port && port < ring::ports_per_domain;
}

}  // namespace

EventChannels::EventChannels(Prepare prepare, trace::Journal journal)
    : prepare_(std::move(prepare)), journal_(journal) {}

void EventChannels::add_domain(DomainId domain) {
  RS_CHECK(!tables_.contains(domain));
  for (auto& [owner, ports] : tables_) {
    for (ring::Port port = 1; port < ports.size(); ++port) {
      const PortStatus& status = ports[port].status;
      if (status.state == PortState::unbound && status.remote_domain == domain) close_entry(owner, port);
    }
  }
  tables_.try_emplace(domain);
}

void EventChannels::close_all(DomainId domain) {
  for (ring::Port port = 1; port < table(domain).size(); ++port) {
    if (look(domain, port).state != PortState::closed) close_entry(domain, port);
  }
}

void EventChannels::remove_domain(DomainId domain) {
  close_all(domain);
  tables_.erase(domain);
  close_abandoned();
}

Result<ring::Port> EventChannels::alloc_unbound(DomainId domain, DomainId remote, Owner owner) {
  auto port = open(domain, {.state = PortState::unbound, .remote_domain = remote}, owner);
  if (port) journal_.told(domain, trace::Fact::port_waits, {*port, remote});
  return port;
}

Result<EventChannels::Pair> EventChannels::bind_interdomain(DomainId domain1, DomainId domain2,
                                                            ring::Port port1, ring::Port port2,
                                                            bool may_open_second, Owner owner) {
  if (domain1 == domain2 && port1 == port2 && port1 != any_port) {
    return refusal(EINVAL, trace::Refusal::port_to_itself, port1, domain1);
  }
  const auto bound1 = end_fits(domain1, port1, domain2, port2);
  if (!bound1) return bound1.error();
  if (bound1.value()) return Pair{port1, look(domain1, port1).remote_port};
  const auto bound2 = end_fits(domain2, port2, domain1, port1);
  if (!bound2) return bound2.error();
  if (bound2.value() && owner == no_owner) return Pair{look(domain2, port2).remote_port, port2};
  if (bound2.value()) {
    return refusal(EINVAL, trace::Refusal::port_bound, port2, domain2, look(domain2, port2).remote_port,
                   domain1);
  }

  if ((!may_open_second || owner != no_owner) && look(domain2, port2).state == PortState::closed) {
    return refusal(owner == no_owner ? EPERM : EINVAL, trace::Refusal::port_not_offered, domain1, domain2);
  }
  // An end that was a closed port is set up anew; an end that was waiting keeps its state.
  Kicks kicks1;
  Kicks kicks2;
  const auto make_ready = [this](DomainId domain, ring::Port& port, ring::Port except, Kicks& kicks,
                                 bool owned) -> Result<> {
    if (port == any_port) {
      auto chosen = lowest_closed(domain, except);
      if (!chosen) return chosen.error();
      port = *chosen;
    }
    if (look(domain, port).state != PortState::closed) return Done{};
    auto made = prepare_(domain, port, owned);
    if (!made) return made.error();
    kicks = std::move(made).value();
    return Done{};
  };
  const bool loopback = domain1 == domain2;
  if (auto ready = make_ready(domain1, port1, loopback ? port2 : any_port, kicks1, owner != no_owner); !ready)
    return ready.error();
  if (auto ready = make_ready(domain2, port2, loopback ? port1 : any_port, kicks2, false); !ready)
    return ready.error();

  Entry& end1 = entry(domain1, port1);
  end1.status = {.state = PortState::interdomain, .remote_domain = domain2, .remote_port = port2};
  if (kicks1.valid()) end1.kicks = std::move(kicks1);
  set_owner(domain1, port1, owner);
  Entry& end2 = entry(domain2, port2);
  end2.status = {.state = PortState::interdomain, .remote_domain = domain1, .remote_port = port1};
  if (kicks2.valid()) end2.kicks = std::move(kicks2);
  journal_.told(std::max(domain1, domain2), trace::Fact::ports_bound, {domain1, port1, domain2, port2});
  return Pair{port1, port2};
}

/// Checks one end of a binding. True when it is bound to exactly that other end already, false when it is
/// free for it; an error otherwise.
Result<bool> EventChannels::end_fits(DomainId own, ring::Port port, DomainId other,
                                     ring::Port other_port) const {
  if (port == any_port) return false;
  if (!is_port(port)) return no_such_port(own, port);
  const PortStatus status = look(own, port);
  switch (status.state) {
    case PortState::closed:
      return false;
    case PortState::unbound:
      if (status.remote_domain == other) return false;
      return refusal(EINVAL, trace::Refusal::port_for_another, port, own, status.remote_domain, other);
    case PortState::interdomain:
      if (status.remote_domain == other && (other_port == any_port || other_port == status.remote_port))
        return true;
      return refusal(EINVAL, trace::Refusal::port_bound, port, own, status.remote_port, status.remote_domain);
    case PortState::pirq:
    case PortState::virq:
    case PortState::ipi:
      break;
  }
  return refusal(EINVAL, trace::Refusal::port_in_use, port, own, status.state);
}

Result<ring::Port> EventChannels::bind_virq(DomainId domain, std::uint32_t virq, Owner owner) {
  RS_CHECK(virq < virqs);
  if (owner == no_owner) {
    for (const ring::Port bound : virq_ports(domain, virq)) {
      if (table(domain)[bound].owners.empty()) return bound;
    }
  }
  auto port = open(domain, {.state = PortState::virq, .number = virq}, owner);
  if (port) journal_.told(domain, trace::Fact::port_of_virq, {*port, virq});
  return port;
}

Result<ring::Port> EventChannels::bind_pirq(DomainId domain, std::uint32_t pirq) {
  RS_CHECK(pirq < pirqs);
  if (const ring::Port bound = pirq_port(domain, pirq); bound != any_port) return bound;
  auto port = open(domain, {.state = PortState::pirq, .number = pirq});
  if (port) journal_.told(domain, trace::Fact::port_of_pirq, {*port, pirq});
  return port;
}

Result<ring::Port> EventChannels::bind_ipi(DomainId domain) {
  auto port = open(domain, {.state = PortState::ipi});
  if (port) journal_.told(domain, trace::Fact::port_of_ipi, {*port});
  return port;
}

Result<> EventChannels::close(DomainId domain, ring::Port port) {
  if (!is_port(port)) return no_such_port(domain, port);
  if (look(domain, port).state == PortState::closed) {
    return refusal(EINVAL, trace::Refusal::port_closed_already, port, domain);
  }
  close_entry(domain, port);
  return Done{};
}

Result<PortStatus> EventChannels::status(DomainId domain, ring::Port port) const {
  if (!is_port(port)) return no_such_port(domain, port);
  return look(domain, port);
}

std::vector<ring::Port> EventChannels::virq_ports(DomainId domain, std::uint32_t virq) const {
  std::vector<ring::Port> ports;
  for (ring::Port port = 1; port < table(domain).size(); ++port) {
    const PortStatus status = look(domain, port);
    if (status.state == PortState::virq && status.number == virq) ports.push_back(port);
  }
  return ports;
}

ring::Port EventChannels::pirq_port(DomainId domain, std::uint32_t pirq) const {
  return port_of(domain, PortState::pirq, pirq);
}

ring::Port EventChannels::port_of(DomainId domain, PortState state, std::uint32_t number) const {
  for (ring::Port port = 1; port < table(domain).size(); ++port) {
    const PortStatus status = look(domain, port);
    if (status.state == state && status.number == number) return port;
  }
  return any_port;
}

const Kicks& EventChannels::kicks(DomainId domain, ring::Port port) const {
  RS_CHECK(look(domain, port).state != PortState::closed);
  return table(domain)[port].kicks;
}

void EventChannels::opened(ring::Port port, std::uint32_t connection) {
  Entry& opened = entry(dom0, port);
  RS_CHECK(opened.status.state != PortState::closed);
  if (std::ranges::find(opened.openers, connection) == opened.openers.end())
    opened.openers.push_back(connection);
}

bool EventChannels::opened_by_another(ring::Port port, std::uint32_t connection) const {
  return std::ranges::any_of(table(dom0)[port].openers,
                             [connection](std::uint32_t each) { return each != connection; });
}

bool EventChannels::owned(DomainId domain, ring::Port port) const {
  const Table& ports = table(domain);
  return port < ports.size() && !ports[port].owners.empty();
}

bool EventChannels::owned_by(DomainId domain, ring::Port port, Owner owner) const {
  if (!owned(domain, port)) return false;
  const std::vector<Owner>& owners = table(domain)[port].owners;
  return std::ranges::find(owners, owner) != owners.end();
}

Result<> EventChannels::keep(DomainId domain, ring::Port port, Owner owner) {
  if (!is_port(port)) return no_such_port(domain, port);
  if (look(domain, port).state == PortState::closed)
    return refusal(EINVAL, trace::Refusal::port_closed, port, domain);
  if (owned(domain, port)) set_owner(domain, port, owner);
  return Done{};
}

void EventChannels::set_owner(DomainId domain, ring::Port port, Owner owner) {
  if (owner != no_owner) entry(domain, port).owners.push_back(owner);
}

void EventChannels::connection_gone(DomainId domain, std::uint32_t connection) {
  for (ring::Port port = 1; tables_.contains(domain) && port < table(domain).size(); ++port) {
    Entry& each = entry(domain, port);
    std::erase(each.openers, connection);
    const bool was_owner = std::erase(each.owners, connection) != 0;
    if (was_owner && each.owners.empty()) close_entry(domain, port);
  }
  close_abandoned();
}

const EventChannels::Table& EventChannels::table(DomainId domain) const {
  const auto found = tables_.find(domain);
  RS_CHECK(found != tables_.end());
  return found->second;
}

/// The status of a port below ports_per_domain.
PortStatus EventChannels::look(DomainId domain, ring::Port port) const {
  const Table& ports = table(domain);
  return port < ports.size() ? ports[port].status : PortStatus{};
}

EventChannels::Entry& EventChannels::entry(DomainId domain, ring::Port port) {
  RS_CHECK(is_port(port) && tables_.contains(domain));
  Table& ports = tables_.at(domain);
  if (port >= ports.size()) ports.resize(port + 1);
  return ports[port];
}

Result<ring::Port> EventChannels::lowest_closed(DomainId domain, ring::Port except) const {
  for (ring::Port port = 1; port < ring::ports_per_domain; ++port) {
    if (port != except && look(domain, port).state == PortState::closed) return port;
  }
  return refusal(ENOSPC, trace::Refusal::ports_full, domain, ring::ports_per_domain - 1);
}

Result<ring::Port> EventChannels::open(DomainId domain, const PortStatus& status, Owner owner) {
  auto port = lowest_closed(domain, any_port);
  if (!port) return port;
  auto kicks = prepare_(domain, *port, owner != no_owner);
  if (!kicks) return kicks.error();
  Entry& opened = entry(domain, *port);
  opened.status = status;
  opened.kicks = std::move(kicks).value();
  set_owner(domain, *port, owner);
  return port;
}

void EventChannels::close_entry(DomainId domain, ring::Port port) {
  const PortStatus old = look(domain, port);
  entry(domain, port) = {};
  journal_.told(domain, trace::Fact::port_closed, {port, domain, static_cast<std::uint32_t>(old.state)});
  if (old.state == PortState::interdomain) {
    entry(old.remote_domain, old.remote_port).status = {.state = PortState::unbound, .remote_domain = domain};
  }
}

/// Closes each port of dom0 whose peer domain is destroyed and which no living process has open. No process
/// knows such a port, so no process would ever close it.
void EventChannels::close_abandoned() {
  for (ring::Port port = 1; port < table(dom0).size(); ++port) {
    const Entry& each = entry(dom0, port);
    const bool waits_in_vain =
        each.status.state == PortState::unbound && !tables_.contains(each.status.remote_domain);
    if (waits_in_vain && each.openers.empty()) close_entry(dom0, port);
  }
}

}  // namespace ringside::xen
