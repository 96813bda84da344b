// A read-only view of a domain's shared page and its rings.
//
// The page has only the shared indices; each private index is known only to its owner. An index that a guest
// has set wrongly is shown unchanged.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "emu/host/host.h"
#include "ring/byte_ring.h"
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

/// The same of the byte rings of a domain of today.
class BytePage {
 public:
  [[nodiscard]] static Result<BytePage> open(Host& host, Privcmd& privcmd, DomainId domain) {
    auto handle = privcmd.grant_map(domain, grant_console);
    if (!handle) return handle.error();
    auto mapping = host.frame_map(*handle);
    if (!mapping) return mapping.error();
    return BytePage(std::move(*mapping));
  }

  struct Ring {
    ring::Index prod;
    ring::Index cons;
    std::span<const std::uint8_t> bytes;

    /// Empty: an index is impossible.
    [[nodiscard]] std::optional<std::uint32_t> waiting() const {
      return ring::waiting_bytes(prod, cons, bytes.size());
    }
    /// A copy of the bytes that wait, oldest first.
    [[nodiscard]] std::vector<std::uint8_t> copy() const {
      std::vector<std::uint8_t> all;
      for (std::uint32_t i = 0; i < waiting().value_or(0); ++i)
        all.push_back(ring::NativeMemory::load(&bytes[(cons + i) % bytes.size()]));
      return all;
    }
  };
  [[nodiscard]] Ring out() const {
    const ring::ByteRings* rings = ring::byte_rings(mapping_.frame());
    return {ring::NativeMemory::load(&rings->out_prod), ring::NativeMemory::load(&rings->out_cons),
            rings->out};
  }
  [[nodiscard]] Ring in() const {
    const ring::ByteRings* rings = ring::byte_rings(mapping_.frame());
    return {ring::NativeMemory::load(&rings->in_prod), ring::NativeMemory::load(&rings->in_cons), rings->in};
  }

 private:
  explicit BytePage(Mapping mapping) : mapping_(std::move(mapping)) {}
  Mapping mapping_;
};

}  // namespace ringside::tools
