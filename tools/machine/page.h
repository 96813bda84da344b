// A domain's shared page, for those who only look: what stands in its rings at this moment.
//
// Only the shared indices are in the page; the private ones are known to their owners alone. Nothing here
// writes, and a guest that lies about its indices is shown as it lies.
#pragma once

#include "emu/host/host.h"
#include "ring/index.h"
#include "ring/layout.h"
#include "ring/memory.h"

namespace ringside::tools {

class DomainPage {
 public:
  [[nodiscard]] static Result<DomainPage> open(Host& host, Privcmd& privcmd, const DomainInfo& info) {
    auto handle = privcmd.map_frame(info.domain, info.shared_info_frame);
    if (!handle) return handle.error();
    auto mapping = host.frame_map(*handle);
    if (!mapping) return mapping.error();
    return DomainPage(std::move(*mapping), info.abi);
  }

  [[nodiscard]] std::byte* frame() const { return mapping_.frame(); }
  [[nodiscard]] ring::SharedRing ring(ring::Ring which) const {
    return ring::shared_ring(frame(), abi_, which);
  }
  struct Indices {
    ring::Index req_prod;
    ring::Index rsp_prod;
  };
  [[nodiscard]] Indices indices(ring::Ring which) const {
    const ring::SharedRing shared = ring(which);
    return {ring::NativeMemory::load(shared.req_prod), ring::NativeMemory::load(shared.rsp_prod)};
  }
  /// Requests that nobody has answered yet; more than a ring holds when a side lies.
  [[nodiscard]] std::uint32_t unanswered(ring::Ring which) const {
    const Indices at = indices(which);
    return ring::distance(at.req_prod, at.rsp_prod);
  }

 private:
  DomainPage(Mapping mapping, ring::Abi abi) : mapping_(std::move(mapping)), abi_(abi) {}

  Mapping mapping_;
  ring::Abi abi_;
};

}  // namespace ringside::tools
