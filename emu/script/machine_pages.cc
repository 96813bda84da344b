// Writes to a domain's page without its ring code and its checks, and raises events.
#include <algorithm>
#include <cerrno>

#include "emu/script/machine_stage.h"
#include "ring/channel_words.h"

namespace ringside::script {

namespace {

using Memory = ring::NativeMemory;

/// Messages that differ from each other.
ring::ControlMessage filling(std::uint32_t at) {
  std::array<std::uint8_t, ring::payload_bytes_max> bytes;
  bytes.fill(static_cast<std::uint8_t>('a' + at % 26));
  return ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, ring::no_callback_id, bytes);
}

}  // namespace

Result<> MachineStage::write_slot(trace::Actor who, DomainId domain, ring::Ring ring, std::uint32_t slot,
                                  trace::SlotUse use, const ring::ControlMessage& message) {
  auto page = page_of(domain);
  if (!page) return page.error();
  if (slot >= ring::slots_per_ring) {
    return Error{EINVAL, "there is no such slot", std::to_string(slot),
                 fmt::format("they are 0 to {}", ring::slots_per_ring - 1), ""};
  }
  Memory::copy_to_shared(ring::shared_ring(*page, plan_.abi, ring).slots + slot, &message);
  journal(who).slot_written(domain, ring, slot, use, message);
  return Done{};
}

Result<std::uint32_t*> MachineStage::index_word(DomainId domain, ring::Ring ring, trace::IndexName index) {
  auto page = page_of(domain);
  if (!page) return page.error();
  const ring::SharedRing shared = ring::shared_ring(*page, plan_.abi, ring);
  switch (index) {
    case trace::IndexName::req_prod:
      return shared.req_prod;
    case trace::IndexName::rsp_prod:
      return shared.rsp_prod;
    case trace::IndexName::req_cons:
    case trace::IndexName::rsp_cons:
      break;
  }
  return Error{EINVAL, "this index is not in the page", "a consumer index",
               "each side keeps its own in private memory", "req_prod and rsp_prod are shared"};
}

Result<> MachineStage::set_index(trace::Actor who, DomainId domain, ring::Ring ring, trace::IndexName index,
                                 std::uint32_t value) {
  auto word = index_word(domain, ring, index);
  if (!word) return word.error();
  const std::uint32_t before = Memory::load(*word);
  Memory::store(*word, value);
  journal(who).index_moved(domain, ring, index, before, value);
  return Done{};
}

Result<std::uint32_t> MachineStage::read_index(DomainId domain, ring::Ring ring, trace::IndexName index) {
  auto word = index_word(domain, ring, index);
  if (!word) return word.error();
  return Memory::load(*word);
}

Result<> MachineStage::fill(trace::Actor who, DomainId domain, ring::Ring ring) {
  auto req_prod = read_index(domain, ring, trace::IndexName::req_prod);
  if (!req_prod) return req_prod.error();
  const std::uint32_t taken = *req_prod - read_index(domain, ring, trace::IndexName::rsp_prod).value();
  const std::uint32_t free = ring::slots_per_ring - std::min<std::uint32_t>(taken, ring::slots_per_ring);
  for (std::uint32_t at = *req_prod; at != *req_prod + free; ++at) {
    auto written =
        write_slot(who, domain, ring, ring::slot_of(at), trace::SlotUse::request, filling(at - *req_prod));
    if (!written) return written;
  }
  return set_index(who, domain, ring, trace::IndexName::req_prod, *req_prod + free);
}

Result<> MachineStage::notify(trace::Actor who, trace::Actor peer) {
  if (who.role != trace::Role::domain) {
    if (peer.role == trace::Role::domain) return raise_down(who, peer.number);
    return Error{EINVAL, "cannot notify", "a daemon", "an event goes from or to a domain", ""};
  }
  const bool to_controller = peer.role == trace::Role::xcs || peer.role == trace::Role::xenctld ||
                             peer.role == trace::Role::xenconsoled || peer.role == trace::Role::dom0;
  if (!to_controller) {
    return Error{EINVAL, "cannot notify", fmt::format("dom{}", who.number),
                 "its console channel leads only to dom0", ""};
  }
  return plan_.dom0 == Dom0::xenconsoled ? send_up(who.number) : raise_up(who.number);
}

/// Xen raises the event, after a hypercall by dom0.
Result<> MachineStage::raise_down(trace::Actor who, DomainId domain) {
  auto ports = console_ports(domain);
  if (!ports) return ports.error();
  journal(who).told(domain, trace::Fact::notifies);
  return privcmd().evtchn_send(ports->port1);
}

/// The same code as in the guest.
Result<> MachineStage::raise_up(DomainId domain) {
  auto ports = console_ports(domain);
  if (!ports) return ports.error();
  auto page = page_of(domain);
  if (!page) return page.error();
  auto access = access_to(domain);
  if (!access) return access.error();
  auto handles = access->calls->evtchn_open(ports->port2);
  if (!handles) return handles.error();
  const ring::Raised outcome = ring::UpEvents<>(*page).raise();
  journal(trace::actor(trace::Role::domain, domain))
      .event_raised(domain, trace::dom0_actor, ports->port1, outcome);
  if (outcome == ring::Raised::kick) access->host->kick(handles->peer_kicks);
  return Done{};
}

Result<Privcmd::PortPair> MachineStage::console_ports(DomainId domain) {
  auto info = privcmd().domain_find(std::to_string(domain));
  if (!info) return info.error();
  auto status = privcmd().evtchn_status(domain, info->console_port);
  if (!status) return status.error();
  if (status->state != PortState::interdomain) {
    return Error{ENOTCONN, "a domain has no console channel", fmt::format("dom{}", domain),
                 "it has no other end", ""};
  }
  return Privcmd::PortPair{status->remote_port, info->console_port};
}

}  // namespace ringside::script
