// What wakes a vcpu, or a port of dom0. Three handles and not one: a guest must never hold a handle that the
// hypervisor or dom0 kicks, because whoever holds a handle can fill it up and make its next kick wait.
#pragma once

#include <vector>

#include "emu/host/host.h"

namespace ringside::xen {

struct Kicks {
  Handle own;       ///< kicked by the hypervisor and by dom0's processes; no guest ever holds it
  Handle by_guest;  ///< kicked by the guest at the other end, and by nobody else; dom0's ports only
  Handle heard;     ///< for the receiver: wakes it for any of the others, and cannot be kicked

  [[nodiscard]] bool valid() const { return heard.valid(); }
};

[[nodiscard]] inline Result<Kicks> make_kicks(Host& host, bool for_dom0) {
  Kicks kicks;
  auto own = host.kicks_create();
  if (!own) return own.error();
  kicks.own = std::move(own).value();
  std::vector<const Handle*> heard{&kicks.own};
  if (for_dom0) {
    auto by_guest = host.kicks_create();
    if (!by_guest) return by_guest.error();
    kicks.by_guest = std::move(by_guest).value();
    heard.push_back(&kicks.by_guest);
  }
  auto listener = host.kicks_listener(heard);
  if (!listener) return listener.error();
  kicks.heard = std::move(listener).value();
  return kicks;
}

}  // namespace ringside::xen
