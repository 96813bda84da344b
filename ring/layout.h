// The positions of the two rings in control_if_t, in both generations. The algorithms in front.h and back.h
// see only a SharedRing, three pointers, so that they are written once for both generations.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "ring/index.h"
#include "ring/message.h"

namespace ringside::ring {

/// The generation of the control interface and of the event bits for which a domain was built.
enum class Abi : std::uint8_t {
  flat,   ///< xen-2.0
  sring,  ///< xen-3.0-devel, January to September 2005; the default
};

[[nodiscard]] constexpr const char* abi_name(Abi abi) {
  return abi == Abi::flat ? "flat" : "sring";
}

/// The two rings, named from the guest's view: tx carries requests of the guest, rx carries requests of the
/// controller.
enum class Ring : std::uint8_t { tx, rx };

/// One ring as both peers see it. Requests and responses share the slots. Valid as long as the page it points
/// into.
struct SharedRing {
  Index* req_prod = nullptr;
  Index* rsp_prod = nullptr;
  ControlMessage* slots = nullptr;  ///< 8 of them
};

/// control_if_t of xen-2.0: all slots, then all indices.
struct ControlInterfaceFlat {
  ControlMessage tx[slots_per_ring];
  ControlMessage rx[slots_per_ring];
  Index tx_req_prod;
  Index tx_resp_prod;
  Index rx_req_prod;
  Index rx_resp_prod;
};

static_assert(sizeof(ControlInterfaceFlat) == 1040);
static_assert(offsetof(ControlInterfaceFlat, tx) == 0);
static_assert(offsetof(ControlInterfaceFlat, rx) == 512);
static_assert(offsetof(ControlInterfaceFlat, tx_req_prod) == 1024);
static_assert(offsetof(ControlInterfaceFlat, tx_resp_prod) == 1028);
static_assert(offsetof(ControlInterfaceFlat, rx_req_prod) == 1032);
static_assert(offsetof(ControlInterfaceFlat, rx_resp_prod) == 1036);

/// One shared ring of xen-3.0-devel: indices, then slots (ring.h's DEFINE_RING_TYPES without its later
/// padding).
struct Sring {
  Index req_prod;
  Index rsp_prod;
  ControlMessage ring[slots_per_ring];
};

/// control_if_t of xen-3.0-devel.
struct ControlInterfaceSring {
  Sring tx;
  Sring rx;
};

static_assert(sizeof(Sring) == 520);
static_assert(offsetof(Sring, req_prod) == 0);
static_assert(offsetof(Sring, rsp_prod) == 4);
static_assert(offsetof(Sring, ring) == 8);
static_assert(sizeof(ControlInterfaceSring) == 1040);
static_assert(offsetof(ControlInterfaceSring, tx) == 0);
static_assert(offsetof(ControlInterfaceSring, rx) == 520);

/// The control interface starts here in the shared_info frame.
inline constexpr std::size_t control_interface_offset = 2048;
inline constexpr std::size_t control_interface_bytes = 1040;
inline constexpr std::size_t frame_bytes = 4096;

static_assert(std::endian::native == std::endian::little, "the words of the frame are little-endian");
static_assert(control_interface_offset % 8 == 0 && offsetof(ControlInterfaceSring, rx) % 8 == 0 &&
                  offsetof(Sring, ring) % 8 == 0 && offsetof(ControlInterfaceFlat, rx) % 8 == 0,
              "slots are copied in words of 8 bytes");

/// Finds a ring in a shared_info frame. `frame` is the 4096-byte page, 8-byte aligned.
[[nodiscard]] inline SharedRing shared_ring(std::byte* frame, Abi abi, Ring which) {
  std::byte* base = frame + control_interface_offset;
  if (abi == Abi::flat) {
    auto* flat = reinterpret_cast<ControlInterfaceFlat*>(base);
    return which == Ring::tx ? SharedRing{&flat->tx_req_prod, &flat->tx_resp_prod, flat->tx}
                             : SharedRing{&flat->rx_req_prod, &flat->rx_resp_prod, flat->rx};
  }
  auto* sring = reinterpret_cast<ControlInterfaceSring*>(base);
  Sring& ring = which == Ring::tx ? sring->tx : sring->rx;
  return {&ring.req_prod, &ring.rsp_prod, ring.ring};
}

}  // namespace ringside::ring
