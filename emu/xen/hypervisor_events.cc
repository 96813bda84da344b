// The hypercalls about event channels, and how an event reaches its receiver: bits in a frame first, then a
// kick if they require one.
#include "emu/xen/hypervisor.h"

#include <algorithm>

#include "emu/xen/refusal.h"
#include "ring/channel_words.h"
#include "ring/event_bits.h"

namespace ringside::xen {

namespace {

trace::Actor receiver_actor(DomainId domain) {
  if (domain == dom0_id) return trace::dom0_actor;
  return trace::actor(trace::Role::domain, domain);
}

}  // namespace

/// The bits of the domain's own ports, or of those of programs in a guest.
ring::EventBits<> Hypervisor::bits_of(Domain& domain, bool program) const {
  const bool apart = program && domain.info.domain != dom0_id;
  return {(apart ? domain.program_mapping : domain.mapping).frame(), domain.info.abi};
}

/// Old bits would suppress the port's first event (pending) or all of its events (mask).
Result<Kicks> Hypervisor::prepare_port(DomainId id, ring::Port port, bool owned) {
  ring::EventBits<> bits = bits_of(domains_.living(id), owned);
  (void)bits.unmask(port);
  bits.clear_pending(port);
  if (id == dom0_id) return make_kicks(host_, true);
  return owned ? make_kicks(host_, false) : Kicks();
}

Result<> Hypervisor::evtchn_alloc_unbound(Call& call) {
  auto domain = own_or_any(call, call.arguments.domain);
  if (!domain) return domain.error();
  const DomainId remote = resolve(call, call.arguments.domain2);
  if (domains_.find(remote) == nullptr) return refusal(ESRCH, trace::Refusal::no_domain_to_wait_for, remote);
  const DomainId id = (*domain)->info.domain;
  auto port = channels_.alloc_unbound(id, remote,
                                      id == call.caller.domain ? owner_of(call) : EventChannels::no_owner);
  if (!port) return port.error();
  call.answer.port = *port;
  return Done{};
}

Result<> Hypervisor::evtchn_bind_interdomain(Call& call) {
  auto domain1 = own_or_any(call, call.arguments.domain);
  if (!domain1) return domain1.error();
  const DomainId domain2 = resolve(call, call.arguments.domain2);
  if (domains_.find(domain2) == nullptr) return refusal(ESRCH, trace::Refusal::no_domain_to_bind_to, domain2);
  const bool may_open_second = call.caller.privileged() || domain2 == call.caller.domain;
  const DomainId id = (*domain1)->info.domain;
  auto pair =
      channels_.bind_interdomain(id, domain2, call.arguments.port, call.arguments.port2, may_open_second,
                                 id == call.caller.domain ? owner_of(call) : EventChannels::no_owner);
  if (!pair) return pair.error();
  call.answer.port = pair->port1;
  call.answer.port2 = pair->port2;
  return Done{};
}

Result<> Hypervisor::evtchn_bind_virq(Call& call) {
  const std::uint32_t virq = call.arguments.virq;
  if (virq >= virqs) return refusal(EINVAL, trace::Refusal::no_such_virq, virq, virqs - 1);
  if (!call.caller.privileged() && (virq == VIRQ_CONSOLE || virq == VIRQ_DOM_EXC)) {
    return refusal(EPERM, trace::Refusal::virq_of_dom0, virq, call.caller.domain);
  }
  auto port = channels_.bind_virq(call.caller.domain, virq, owner_of(call));
  if (!port) return port.error();
  call.answer.port = *port;
  return Done{};
}

Result<> Hypervisor::evtchn_bind_pirq(Call& call) {
  const std::uint32_t pirq = call.arguments.virq;
  if (!call.caller.privileged()) {
    return refusal(EPERM, trace::Refusal::pirq_of_dom0, call.caller.domain);
  }
  if (pirq >= pirqs) return refusal(EINVAL, trace::Refusal::no_such_pirq, pirq, pirqs - 1);
  auto port = channels_.bind_pirq(dom0_id, pirq);
  if (!port) return port.error();
  call.answer.port = *port;
  return Done{};
}

/// Raises the port that is bound to the interrupt; Xen does nothing else with it.
Result<> Hypervisor::interrupt(Call& call) {
  const std::uint32_t pirq = call.arguments.virq;
  if (!call.caller.privileged()) {
    return refusal(EPERM, trace::Refusal::no_devices, call.caller.domain);
  }
  if (pirq >= pirqs) return refusal(EINVAL, trace::Refusal::no_such_pirq, pirq, pirqs - 1);
  const ring::Port port = channels_.pirq_port(dom0_id, pirq);
  if (port == any_port) {
    journal_.refused(dom0_id, trace::dom0_actor, trace::Refusal::interrupt_unbound);
    return Done{};
  }
  raise(domains_.living(dom0_id), port, dom0_id, trace::EventSource::pirq, pirq);
  return Done{};
}

Result<> Hypervisor::evtchn_bind_ipi(Call& call) {
  auto port = channels_.bind_ipi(call.caller.domain);
  if (!port) return port.error();
  call.answer.port = *port;
  return Done{};
}

Result<> Hypervisor::evtchn_close(Call& call) {
  auto domain = own_or_any(call, call.arguments.domain);
  if (!domain) return domain.error();
  return channels_.close((*domain)->info.domain, call.arguments.port);
}

Result<> Hypervisor::evtchn_status(Call& call) {
  auto domain = own_or_any(call, call.arguments.domain);
  if (!domain) return domain.error();
  auto status = channels_.status((*domain)->info.domain, call.arguments.port);
  if (!status) return status.error();
  call.answer.status = *status;
  return Done{};
}

Result<> Hypervisor::evtchn_send(Call& call) {
  return send(domains_.living(call.caller.domain), call.arguments.port);
}

Result<> Hypervisor::send(Domain& sender, ring::Port port) {
  const DomainId id = sender.info.domain;
  auto status = channels_.status(id, port);
  if (!status) return status.error();
  switch (status->state) {
    case PortState::interdomain: {
      Domain& receiver = domains_.living(status->remote_domain);
      const bool is_console = receiver.info.domain == dom0_id && port == sender.info.console_port;
      if (is_console && id != dom0_id && !sender.info.today()) {
        raise_on_console(sender, status->remote_port);
      } else {
        raise(receiver, status->remote_port, std::max(id, receiver.info.domain));
      }
      return Done{};
    }
    case PortState::ipi:
      raise(sender, port, id);
      return Done{};
    case PortState::closed:
    case PortState::unbound:
    case PortState::pirq:
    case PortState::virq:
      break;
  }
  return refusal(EINVAL, trace::Refusal::port_unbound, port, id);
}

Result<> Hypervisor::evtchn_open(Call& call) {
  const Domain& domain = domains_.living(call.caller.domain);
  const DomainId id = domain.info.domain;
  const ring::Port port = call.arguments.port;
  auto status = channels_.status(id, port);
  if (!status) return status.error();
  if (status->state == PortState::closed) return refusal(EINVAL, trace::Refusal::port_closed, port, id);
  const std::uint32_t caller = call.caller.connection;
  const bool elsewhere = call.caller.program ? !channels_.owned_by(id, port, caller)
                                             : id == dom0_id && call.arguments.alone != 0 &&
                                                   channels_.opened_by_another(port, caller);
  if (elsewhere) return refusal(EINVAL, trace::Refusal::port_open_elsewhere, port);
  if (auto given = hand_out(call, kicks_of(domain, port).heard); !given) return given;
  // A guest gets only handles that it may kick. Events between two guests, or from a guest to itself, go
  // through evtchn_send.
  const DomainId peer = status->remote_domain;
  if (status->state == PortState::interdomain && (peer == dom0_id || id == dom0_id)) {
    const Kicks& kicks = kicks_of(domains_.living(peer), status->remote_port);
    if (auto given = hand_out(call, id == dom0_id ? kicks.own : kicks.by_guest); !given) return given;
  }
  if (id == dom0_id) channels_.opened(port, caller);
  return Done{};
}

Result<> Hypervisor::hand_out(Call& call, const Handle& handle) {
  auto copy = host_.handle_duplicate(handle);
  if (!copy) return copy.error();
  call.handles.push_back(std::move(copy).value());
  return Done{};
}

/// Sets the receiver's bits and wakes it. `about` is the guest that the event concerns.
void Hypervisor::raise(Domain& receiver, ring::Port port, DomainId about, trace::EventSource source,
                       std::uint32_t interrupt_number) {
  const bool owned = channels_.owned(receiver.info.domain, port);
  const ring::Raised outcome = bits_of(receiver, owned).raise(port);
  journal_.event_raised(about, receiver_actor(receiver.info.domain), port, outcome, source, interrupt_number);
  // dom0's processes share its selector, and each waits on its own ports' kicks: a kick for another port of
  // the word may have woken another process, so this one is kicked as well. So do the programs in a guest.
  const bool shared_selector =
      (owned || receiver.info.domain == dom0_id) && outcome == ring::Raised::already_selected;
  if (outcome == ring::Raised::kick || shared_selector) host_.kick(kicks_of(receiver, port).own);
}

/// For an event from a guest to its controller: announced in the guest's own frame, as the guest itself would
/// do. The controller sets dom0's bits when it wakes.
void Hypervisor::raise_on_console(Domain& guest, ring::Port dom0_port) {
  const ring::Raised outcome = ring::UpEvents<>(guest.mapping.frame()).raise();
  journal_.event_raised(guest.info.domain, receiver_actor(dom0_id), dom0_port, outcome);
  if (outcome == ring::Raised::kick) host_.kick(channels_.kicks(dom0_id, dom0_port).own);
}

/// For a guest that can no longer send events. It may have died after it published and before it kicked, so
/// this always kicks.
void Hypervisor::wake_controller(Domain& guest) {
  const DomainId id = guest.info.domain;
  auto status = channels_.status(id, guest.info.console_port);
  if (!status || status->state != PortState::interdomain || status->remote_domain != dom0_id) return;
  if (guest.info.today()) return raise(domains_.living(dom0_id), status->remote_port, id);
  raise_on_console(guest, status->remote_port);
  host_.kick(channels_.kicks(dom0_id, status->remote_port).own);
}

/// No effect when the receiver has not bound the virq.
void Hypervisor::raise_virq(Domain& receiver, std::uint32_t virq, DomainId about) {
  for (const ring::Port port : channels_.virq_ports(receiver.info.domain, virq))
    raise(receiver, port, about, trace::EventSource::virq, virq);
}

const Kicks& Hypervisor::kicks_of(const Domain& domain, ring::Port port) const {
  const Kicks& own = channels_.kicks(domain.info.domain, port);
  return own.valid() ? own : domain.kicks;
}

}  // namespace ringside::xen
