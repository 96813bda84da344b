// Reads the pages of running domains.
#include "tools/machine/live_start.h"

#include "tools/machine/builder.h"
#include "tools/machine/page.h"

namespace ringside::tools {

namespace {

trace::JournalRing ring_of(const DomainPage& page, ring::Ring which) {
  trace::JournalRing ring;
  const DomainPage::Indices at = page.indices(which);
  ring.req_prod = at.req_prod;
  ring.rsp_prod = at.rsp_prod;
  const ring::SharedRing shared = page.ring(which);
  for (std::size_t slot = 0; slot < ring.slots.size(); ++slot)
    ring::NativeMemory::copy_from_shared(&ring.slots[slot], shared.slots + slot);
  return ring;
}

/// The indices are read before the bytes, which are the guest's and xenconsoled's to change meanwhile.
trace::JournalByteRing byte_ring_of(const BytePage::Ring& ring) {
  return {.prod = ring.prod, .cons = ring.cons, .bytes = ring.copy()};
}

}  // namespace

Result<std::vector<DomainInfo>> domains_meant(Privcmd& privcmd, const std::string& name) {
  if (name.empty()) return privcmd.domains();
  auto info = privcmd.domain_find(name);
  if (!info) return info.error();
  return std::vector<DomainInfo>{*info};
}

LiveStart::LiveStart(Host& host, Privcmd& privcmd, const Machine& machine,
                     const std::vector<DomainInfo>& domains) {
  header_.made_by = "ringside " RINGSIDE_VERSION;
  header_.mode = "live";
  if (const auto kind = running_dom0(machine)) header_.controller = controller_name(*kind);
  for (const DomainInfo& info : domains) {
    if (info.domain == 0) continue;  // dom0's own rings carry no console
    trace::JournalDomain& domain = header_.domains.emplace_back();
    domain.id = info.domain;
    domain.layout = info.abi;
    domain.name = info.name;
    if (info.today()) {
      auto page = BytePage::open(host, privcmd, info.domain);
      if (!page) continue;
      looked_ns_[info.domain] = static_cast<std::uint64_t>(host.now().count());
      domain.byte_rings = {byte_ring_of(page->in()), byte_ring_of(page->out())};
      continue;
    }
    auto page = DomainPage::open(host, privcmd, info);
    if (!page) continue;
    looked_ns_[info.domain] = static_cast<std::uint64_t>(host.now().count());
    domain.rings = {ring_of(*page, ring::Ring::tx), ring_of(*page, ring::Ring::rx)};
  }
}

}  // namespace ringside::tools
