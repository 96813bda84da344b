// The handles that wake a vcpu, or a port of dom0. There are three: a guest must never hold a handle that the
// hypervisor or dom0 kicks, because a process that holds a handle can fill it up, so that the next kick
// blocks.
#pragma once

#include <vector>

#include "emu/host/host.h"

namespace ringside::xen {

struct Kicks {
  Handle own;       ///< kicked by the hypervisor and by dom0's processes; no guest ever holds it
  Handle by_guest;  ///< kicked only by the guest at the other end; dom0's ports only
  Handle heard;     ///< the receiver waits on it: any of the others wakes it, and no process can kick it

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
