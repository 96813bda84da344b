// Writes to the indices of a domain's byte rings without ring code and checks, and the events of today.
#include "ring/byte_ring.h"

#include <cerrno>

#include "emu/script/machine_stage.h"

namespace ringside::script {

namespace {

using ByteMemory = ring::NativeMemory;

ring::Index* word_of(const Mapping& rings, trace::ByteIndex index) {
  ring::ByteRings* all = ring::byte_rings(rings.frame());
  switch (index) {
    case trace::ByteIndex::in_cons:
      return &all->in_cons;
    case trace::ByteIndex::in_prod:
      return &all->in_prod;
    case trace::ByteIndex::out_cons:
      return &all->out_cons;
    case trace::ByteIndex::out_prod:
      break;
  }
  return &all->out_prod;
}

}  // namespace

/// Mapped for one access only: the next domain of that id has another frame.
Result<Mapping> MachineStage::byte_rings_of(DomainId domain) {
  if (plan_.dom0 != Dom0::xenconsoled) {
    return Error{EINVAL, "there are no byte rings", fmt::format("dom{}", domain),
                 "its console is that of 2005", "its rings are tx and rx"};
  }
  auto frame = privcmd().grant_map(domain, grant_console);
  if (!frame) return frame.error();
  return tools_host().frame_map(*frame);
}

Result<> MachineStage::set_byte_index(trace::Actor who, DomainId domain, trace::ByteIndex index,
                                      std::uint32_t value) {
  auto rings = byte_rings_of(domain);
  if (!rings) return rings.error();
  ring::Index* word = word_of(*rings, index);
  const std::uint32_t before = ByteMemory::load(word);
  ByteMemory::store(word, value);
  journal(who).byte_index_moved(domain, index, before, value);
  return Done{};
}

Result<std::uint32_t> MachineStage::read_byte_index(DomainId domain, trace::ByteIndex index) {
  auto rings = byte_rings_of(domain);
  if (!rings) return rings.error();
  return ByteMemory::load(word_of(*rings, index));
}

/// By the hypercall that a guest of today makes.
Result<> MachineStage::send_up(DomainId domain) {
  auto ports = console_ports(domain);
  if (!ports) return ports.error();
  auto access = access_to(domain);
  if (!access) return access.error();
  return access->calls->evtchn_send(ports->port2);
}

}  // namespace ringside::script
