// Finds the port that was kicked, and checks whether its event is real.
#include "emu/domu/port_events.h"

#include <utility>

namespace ringside::domu {

PortEvents::PortEvents(Host& host, trace::Journal journal, Privcmd& privcmd, std::byte* frame, ring::Abi abi)
    : host_(host), journal_(journal), privcmd_(privcmd), bits_(frame, abi) {}

Result<> PortEvents::bind(ring::Port port, std::function<void()> handler) {
  RS_CHECK(!bound_.contains(port) && handler != nullptr);
  auto handles = privcmd_.evtchn_open(port);
  if (!handles) return handles.error();
  Bound& bound = bound_[port];
  bound = {std::move(handles->kicks), std::move(handles->peer_kicks), std::move(handler)};
  host_.kicks_watch(bound.kicks, [this, port] { kicked(port); });
  // A previous process may have left it masked, or pending.
  const bool was_masked = bits_.is_masked(port);
  const bool pending = bits_.unmask(port);
  if (was_masked) journal_.mask_changed(0, port, trace::MaskBit::clear);
  if (pending) kicked(port);
  return Done{};
}

Result<> PortEvents::open_again(ring::Port port) {
  auto handles = privcmd_.evtchn_open(port);
  if (!handles) return handles.error();
  bound_.at(port).peer_kicks = std::move(handles->peer_kicks);
  return Done{};
}

void PortEvents::kicked(ring::Port port) {
  if (!bits_.is_pending(port)) return;
  // Before the handler looks: a later event sets the bit again, and kicks.
  bits_.clear_pending(port);
  journal_.event_taken(0, port);
  bound_.at(port).handler();
}

}  // namespace ringside::domu
