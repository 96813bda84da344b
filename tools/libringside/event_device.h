// The event device behind rs_events_*: one epoll descriptor, the ports bound to it, and the queue of those
// that had an event.
//
// Works for both kinds of caller. A guest has one vcpu, whose kicks each of its ports shares; dom0 has kicks
// for each port. The bits are those of the caller's own frame, with one exception: what comes up a control
// channel stands in the frame of its domain (ring/channel_words.h), since a guest cannot reach dom0's bits.
// dom0's device therefore maps that frame and carries the event over. Ports of dom0 and its frame are shared
// by all its processes: this touches the bits of its own ports only.
//
// A port of a control channel has all that is needed to raise the other end as well: the bits and the kicks.
// send() does it without a hypercall.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "emu/host/hypercall.h"
#include "emu/host/linux_client.h"
#include "ring/channel_words.h"
#include "ring/event_bits.h"

namespace ringside::library {

/// Ports that may wait to be read.
inline constexpr std::size_t event_queue_ports_max = 2048;

/// One page, unmapped with its owner.
class Page {
 public:
  [[nodiscard]] static Result<Page> map(int connection, DomainId domain, std::uint32_t frame);
  Page(Page&& other) noexcept : address_(std::exchange(other.address_, nullptr)) {}
  Page& operator=(Page&& other) noexcept {
    std::swap(address_, other.address_);
    return *this;
  }
  ~Page();
  [[nodiscard]] std::byte* frame() const { return address_; }

 private:
  explicit Page(std::byte* address) : address_(address) {}
  std::byte* address_;
};

class EventDevice {
 public:
  /// `connection` is copied.
  [[nodiscard]] static Result<std::unique_ptr<EventDevice>> open(int connection);
  EventDevice(const EventDevice&) = delete;
  EventDevice& operator=(const EventDevice&) = delete;

  [[nodiscard]] int descriptor() const { return poll_.get(); }
  [[nodiscard]] bool is_of(DomainId domain) const { return domain == DOMID_SELF || domain == self_.domain; }
  [[nodiscard]] Result<> bind(ring::Port port);
  [[nodiscard]] Result<> unbind(ring::Port port);
  /// A port of the caller's got another end: if it is bound here, what was known of the old one is dropped.
  [[nodiscard]] Result<> rebound(ring::Port port);
  /// A port of the caller's was closed. It stays bound here, and is sent to by hypercall, which refuses it.
  void closed(ring::Port port);
  /// False when this device has not what is needed: the event is to be raised by hypercall.
  [[nodiscard]] bool send(ring::Port port);
  /// How many were taken. EAGAIN: none waits; EFBIG: some were lost.
  [[nodiscard]] Result<int> read(std::uint16_t* ports, std::size_t max);
  void write(std::uint16_t port);
  void reset();

 private:
  /// The control channel's domain, as its controller sees it.
  struct Controlled {
    Page page;
    ring::UpEvents<> up;       ///< what the domain raises
    ring::EventBits<> bits;    ///< where it is raised
    ring::Port port;           ///< its end
    bool shares_its_selector;  ///< dom0's own channel: a kick for another port wakes nobody here
  };
  struct Bound {
    Fd kicks;
    Fd peer_kicks;  ///< invalid: there is no other end, or it may only be raised by hypercall
    std::optional<Controlled> controlled;
    bool settled = false;  ///< it is known whether `controlled` is needed
  };

  EventDevice(Fd connection, Fd poll, Fd bell, Page page, const DomainInfo& self);
  [[nodiscard]] Result<> follow_own_frame();
  [[nodiscard]] Result<> open_kicks(ring::Port port, Bound& bound);
  [[nodiscard]] Result<> settle(ring::Port port, Bound& bound);
  void announce(const Bound& bound);
  void forget(std::map<ring::Port, Bound>::iterator bound);
  [[nodiscard]] bool send_up(ring::Port port, Bound& bound);
  void collect();
  void hand_out(ring::Port port);
  void unmask(ring::Port port, Bound& bound);
  void ring_bell();

  Fd connection_;
  Fd poll_;
  Fd bell_;  ///< in poll_: readable while the queue has something to say
  Page page_;
  DomainInfo self_;  ///< as of when `page_` was mapped
  ring::EventBits<> bits_;
  std::uint32_t attachments_ = 0;  ///< of controllers to the own frame, when kicks were last opened
  std::map<ring::Port, Bound> bound_;
  std::deque<std::uint16_t> queue_;
  bool overflow_ = false;
};

/// What the calls about event channels owe the open devices of this process.
[[nodiscard]] Result<> tell_rebound(DomainId domain, ring::Port port);
void tell_closed(DomainId domain, ring::Port port);
/// False: by hypercall.
[[nodiscard]] bool send_mapped(ring::Port port);

}  // namespace ringside::library
