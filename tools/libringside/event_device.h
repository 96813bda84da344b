// The event device behind rs_events_*: one epoll descriptor, the ports bound to it, and the queue of those
// that had an event.
//
// Works for both kinds of caller. A guest has one vcpu, whose kicks each of its ports shares; dom0 has kicks
// for each port. The bits are those of the caller's own frame, with one exception: a guest cannot reach
// dom0's, so what it raises on its control channel stands in its own frame (ring/channel_words.h), which
// dom0's device therefore maps and carries over. Ports of dom0 and its frame are shared by all its processes:
// this touches the bits of its own ports only.
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
  Page& operator=(Page&&) = delete;
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
  [[nodiscard]] Result<> bind(ring::Port port);
  [[nodiscard]] Result<> unbind(ring::Port port);
  /// How many were taken. EAGAIN: none waits; EFBIG: some were lost.
  [[nodiscard]] Result<int> read(std::uint16_t* ports, std::size_t max);
  void write(std::uint16_t port);
  void reset();

 private:
  /// What a guest raises on its control channel.
  struct Up {
    Page page;
    ring::UpEvents<> events;
  };
  struct Bound {
    Fd kicks;
    std::optional<Up> up;
    bool settled = false;  ///< it is known whether `up` is needed
  };

  EventDevice(Fd connection, Fd poll, Fd bell, Page page, const DomainInfo& self);
  [[nodiscard]] Result<> settle(ring::Port port, Bound& bound);
  [[nodiscard]] Result<> announce(ring::Port port, const DomainInfo& guest, ring::Port guest_port,
                                  std::byte* frame);
  void collect();
  void hand_out(ring::Port port);
  void unmask(ring::Port port, Bound& bound);
  void ring_bell();

  Fd connection_;
  Fd poll_;
  Fd bell_;  ///< in poll_: readable while the queue has something to say
  Page page_;
  bool is_dom0_;
  ring::EventBits<> bits_;
  std::map<ring::Port, Bound> bound_;
  std::deque<std::uint16_t> queue_;
  bool overflow_ = false;
};

}  // namespace ringside::library
