// Events of dom0's kernel. A guest's frame and vcpu belong to one process. dom0's kernel and daemons share
// dom0's frame, and each port of dom0 has its own kicks. So the kernel handles each port separately, and does
// not touch the bits of other processes' ports.
#pragma once

#include <functional>
#include <map>

#include "emu/host/host.h"
#include "emu/trace/journal.h"
#include "ring/event_bits.h"

namespace ringside::domu {

class PortEvents {
 public:
  /// `frame` is dom0's; it stays mapped, and `privcmd` exists, for as long as this object does.
  PortEvents(Host& host, trace::Journal journal, Privcmd& privcmd, std::byte* frame, ring::Abi abi);

  /// Takes over a port of dom0, and calls `handler` for each event at it, also for an earlier one.
  /// Fails as the hypervisor does.
  Result<> bind(ring::Port port, std::function<void()> handler);
  /// Requests the peer's kicks again: the other end has a new owner.
  Result<> open_again(ring::Port port);
  /// For an interdomain port that was bound here; invalid when there is no process at the other end.
  [[nodiscard]] const Handle& peer_kicks(ring::Port port) const { return bound_.at(port).peer_kicks; }

 private:
  struct Bound {
    Handle kicks;
    Handle peer_kicks;
    std::function<void()> handler;
  };
  void kicked(ring::Port port);

  Host& host_;
  trace::Journal journal_;
  Privcmd& privcmd_;
  ring::EventBits<> bits_;
  std::map<ring::Port, Bound> bound_;
};

}  // namespace ringside::domu
