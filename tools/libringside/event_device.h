// The event device behind rs_events_*: one epoll descriptor, the ports bound to it, and the queue of ports
// that had an event.
//
// It serves both kinds of caller. A guest has one vcpu, and all its ports share the kicks of that vcpu; dom0
// has separate kicks for each port. The event bits are in the caller's own frame, with one exception: events
// that a guest sends up its control channel are in the guest's frame (ring/channel_words.h), since a guest
// cannot reach dom0's bits. The device of dom0 therefore maps that frame and copies the event to dom0's bits.
// All processes of dom0 share its ports and its frame, so the device touches the bits of its own ports only.
//
// For a port of a control channel the device also has the bits and the kicks of the other end, so send()
// needs no hypercall.
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

/// The most ports that may wait to be read.
inline constexpr std::size_t event_queue_ports_max = 2048;

/// One mapped page; the destructor unmaps it.
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
  /// Duplicates `connection`.
  [[nodiscard]] static Result<std::unique_ptr<EventDevice>> open(int connection);
  EventDevice(const EventDevice&) = delete;
  EventDevice& operator=(const EventDevice&) = delete;

  [[nodiscard]] int descriptor() const { return poll_.get(); }
  [[nodiscard]] bool is_of(DomainId domain) const { return domain == DOMID_SELF || domain == self_.domain; }
  [[nodiscard]] Result<> bind(ring::Port port);
  /// Whether that port of the domain of `other` is bound here.
  [[nodiscard]] bool has(const EventDevice& other, ring::Port port) const {
    return self_.domain == other.self_.domain && bound_.contains(port);
  }
  [[nodiscard]] Result<> unbind(ring::Port port);
  /// A port of the caller has a new other end. If it is bound here, the state of the old end is discarded.
  [[nodiscard]] Result<> rebound(ring::Port port);
  /// A port of the caller was closed. It stays bound here; sending to it becomes a hypercall, which refuses
  /// it.
  void closed(ring::Port port);
  /// False when this device cannot raise the event itself; the caller then uses a hypercall.
  [[nodiscard]] bool send(ring::Port port);
  /// Returns the number of ports taken. EAGAIN: no port has an event; EFBIG: events were lost.
  [[nodiscard]] Result<int> read(std::uint16_t* ports, std::size_t max);
  void write(std::uint16_t port);
  void reset();

 private:
  /// The domain at the other end of a control channel, for its controller.
  struct Controlled {
    Page page;
    ring::UpEvents<> up;       ///< events that the domain raises
    ring::EventBits<> bits;    ///< event bits of the domain
    ring::Port port;           ///< the domain's end of the channel
    bool shares_its_selector;  ///< true for dom0's own channel, where a kick for another port does not wake
                               ///< this one
  };
  struct Bound {
    Fd kicks;
    Fd peer_kicks;  ///< invalid if there is no other end, or if it can only be raised by hypercall
    std::optional<Controlled> controlled;
    bool settled = false;  ///< it is known whether `controlled` is needed
  };

  EventDevice(Fd connection, Fd poll, Fd readiness, Page page, const DomainInfo& self);
  [[nodiscard]] Result<> follow_own_frame();
  [[nodiscard]] Result<> open_kicks(ring::Port port, Bound& bound);
  [[nodiscard]] Result<> settle(ring::Port port, Bound& bound);
  void announce(const Bound& bound);
  void forget(std::map<ring::Port, Bound>::iterator bound);
  [[nodiscard]] bool send_up(ring::Port port, Bound& bound);
  void collect();
  void hand_out(ring::Port port);
  void unmask(ring::Port port, Bound& bound);
  void set_ready();

  Fd connection_;
  Fd poll_;
  Fd readiness_;  ///< a member of poll_; readable while the queue is not empty or has overflowed
  Page page_;
  DomainInfo self_;  ///< when `page_` was mapped
  ring::EventBits<> bits_;
  std::uint32_t attachments_ = 0;  ///< the frame's count of attached controllers when kicks were last opened
  std::map<ring::Port, Bound> bound_;
  std::deque<std::uint16_t> queue_;
  bool overflow_ = false;
};

/// Functions that the event channel calls use to inform the open devices of this process.
[[nodiscard]] Result<> tell_rebound(DomainId domain, ring::Port port);
void tell_closed(DomainId domain, ring::Port port);
/// False: use a hypercall.
[[nodiscard]] bool send_mapped(ring::Port port);

}  // namespace ringside::library
