// The event device: bits, queue, and how it hands out ports.
#include "emu/dom0/channel/event_device.h"

#include <cerrno>
#include <utility>

namespace ringside::dom0 {

Result<std::unique_ptr<EventDevice>> EventDevice::open(Host& host, trace::Journal journal, Privcmd& privcmd) {
  auto start = privcmd.start_info();
  if (!start) return start.error();
  auto mapping = host.frame_map(start->frame);
  if (!mapping) return mapping.error();
  return std::unique_ptr<EventDevice>(
      new EventDevice(host, journal, privcmd, std::move(mapping).value(), start->info.abi));
}

EventDevice::EventDevice(Host& host, trace::Journal journal, Privcmd& privcmd, Mapping frame, ring::Abi abi)
    : host_(host),
      journal_(journal),
      privcmd_(privcmd),
      frame_(std::move(frame)),
      bits_(frame_.frame(), abi) {}

Result<> EventDevice::bind(ring::Port port, Wake wake, DomainId about) {
  const char* what = "cannot bind the port";
  if (port == any_port || port >= ring::ports_per_domain) {
    return Error{EINVAL, what, fmt::to_string(port), "there is no such port", ""};
  }
  if (is_bound(port)) return Error{EEXIST, what, fmt::to_string(port), "it is bound already", ""};
  auto handles = privcmd_.evtchn_open(port);
  if (!handles) return handles.error();
  bound_[port] = std::make_unique<Bound>(Bound{std::move(handles).value(), about, wake});
  if (wake == Wake::device) host_.kicks_watch(kicks(port), [this, port] { kicked(port); });
  if (unmask(port)) hand_out(port);
  return Done{};
}

void EventDevice::unbind(ring::Port port) {
  RS_CHECK(is_bound(port));
  bound_[port].reset();
}

bool EventDevice::is_bound(ring::Port port) const {
  return port < ring::ports_per_domain && bound_[port] != nullptr;
}

const EventDevice::Bound& EventDevice::bound(ring::Port port) const {
  RS_CHECK(is_bound(port));
  return *bound_[port];
}

const Handle& EventDevice::kicks(ring::Port port) const {
  return bound(port).handles.kicks;
}
const Handle& EventDevice::peer_kicks(ring::Port port) const {
  return bound(port).handles.peer_kicks;
}

void EventDevice::raise(ring::Port port) {
  RS_CHECK(is_bound(port));
  // This process is the receiver itself: it does not wait for the kick of another event in the same selector
  // word.
  switch (bits_.raise(port)) {
    case ring::Raised::kick:
    case ring::Raised::already_selected:
      return upcall(port);
    case ring::Raised::already_pending:
    case ring::Raised::masked:
      return;
  }
}

void EventDevice::kicked(ring::Port port) {
  upcall(port);
  if (readable_ && (overflow_ || !queue_.empty())) readable_();
}

/// dom0's upcall, for this device's ports. `port` is known to be raised.
void EventDevice::upcall(ring::Port port) {
  bits_.upcall([this](ring::Port found) {
    if (is_bound(found)) hand_out(found);
  });
  // Another daemon's upcall may have cleared the selector bit of this port: look at the port itself.
  if (is_bound(port) && bits_.is_pending(port) && !bits_.is_masked(port)) hand_out(port);
}

void EventDevice::hand_out(ring::Port port) {
  bits_.set_mask(port);
  bits_.clear_pending(port);
  journal_.event_taken(bound(port).about, port);
  tell_mask(port, trace::MaskBit::set);
  if (overflow_) return;
  if (queue_.size() == event_queue_ports_max) {
    overflow_ = true;
  } else {
    queue_.push_back(static_cast<std::uint16_t>(port));
  }
}

EventDevice::Read EventDevice::read(std::uint16_t& port) {
  if (overflow_) return Read::overflow;
  if (queue_.empty()) return Read::nothing;
  port = queue_.front();
  queue_.pop_front();
  return Read::port;
}

void EventDevice::write(std::uint16_t port) {
  if (is_bound(port) && unmask(port)) hand_out(port);
}

/// Returns whether the port is pending.
bool EventDevice::unmask(ring::Port port) {
  const bool was_masked = bits_.is_masked(port);
  const bool pending = bits_.unmask(port);
  if (was_masked) tell_mask(port, trace::MaskBit::clear);
  return pending;
}

/// The sender of an owner's port sees the owner's mask, and not this one.
void EventDevice::tell_mask(ring::Port port, trace::MaskBit now) {
  if (bound(port).wake == Wake::device) journal_.mask_changed(bound(port).about, port, now);
}

void EventDevice::reset() {
  queue_.clear();
  overflow_ = false;
  for (ring::Port port = 1; port < ring::ports_per_domain; ++port) {
    if (is_bound(port)) hand_out(port);
  }
}

}  // namespace ringside::dom0
