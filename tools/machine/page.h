// A read-only view of a domain's shared page and its rings.
//
// The page has only the shared indices; each private index is known only to its owner. An index that a guest
// has set wrongly is shown unchanged.
#pragma once

#include "emu/host/host.h"
#include "ring/channel_words.h"
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
  /// Unanswered requests; more than a ring holds if an index is wrong.
  [[nodiscard]] std::uint32_t unanswered(ring::Ring which) const {
    const Indices at = indices(which);
    return ring::distance(at.req_prod, at.rsp_prod);
  }

  /// The bytes lost, as counted by the two ends; 0 for an end that does not count.
  struct Lost {
    std::uint32_t controller_input_bytes;
    std::uint32_t guest_input_bytes;
    std::uint32_t guest_output_bytes;

    [[nodiscard]] std::uint64_t input_bytes() const {
      return std::uint64_t{controller_input_bytes} + guest_input_bytes;
    }
    [[nodiscard]] std::uint64_t bytes() const { return input_bytes() + guest_output_bytes; }
    [[nodiscard]] std::string text() const {
      return fmt::format(
          "{} bytes of input ({} on the way to the guest, {} in it), {} of output in the guest",
          input_bytes(), controller_input_bytes, guest_input_bytes, guest_output_bytes);
    }
  };
  [[nodiscard]] Lost lost() const {
    const ring::ChannelWords* words = ring::channel_words(frame());
    return {ring::NativeMemory::load(&words->controller_lost_bytes),
            ring::NativeMemory::load(&words->guest_lost_input_bytes),
            ring::NativeMemory::load(&words->guest_lost_output_bytes)};
  }

 private:
  DomainPage(Mapping mapping, ring::Abi abi) : mapping_(std::move(mapping)), abi_(abi) {}

  Mapping mapping_;
  ring::Abi abi_;
};

}  // namespace ringside::tools
