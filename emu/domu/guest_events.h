// The guest's upcall: how events raised by other domains reach their handlers, and how the guest raises its
// own events for the controller.
//
// There is one per guest, owned by the domain, on the host's one thread. A guest has one vcpu and therefore
// one handle that is kicked, for any port; the event bits of its frame say which ports are meant. The control
// channel's port is the busiest: while the guest is awake, it masks that port and polls the rings, so that
// the controller need not kick. Events of all other ports are delivered one by one, when their bits are
// found.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "emu/host/host.h"
#include "emu/trace/journal.h"
#include "ring/channel_words.h"
#include "ring/event_bits.h"

namespace ringside::domu {

class GuestEvents {
 public:
  /// The controller's end of the control channel.
  struct Peer {
    ring::Port port = 0;            ///< in dom0, for the journal
    Handle kicks;                   ///< wakes the controller
    std::uint32_t attachments = 0;  ///< ring::ChannelWords::attachments, read before the channel was opened
  };
  /// The control channel as the guest sees it.
  struct Channel {
    ring::Port port = 0;  ///< the guest's
    Handle kicks;         ///< the vcpu's: readable when any of the guest's ports was raised
    Peer peer;
    /// Opens the channel again for its new controller. Empty when there is none; called again for the next
    /// one.
    std::function<std::optional<Peer>()> reopen;
  };

  /// `frame` is the guest's own, mapped for as long as this object exists.
  GuestEvents(Host& host, trace::Journal journal, DomainId domain, std::byte* frame, ring::Abi abi,
              Channel channel);
  ~GuestEvents();
  GuestEvents(const GuestEvents&) = delete;
  GuestEvents& operator=(const GuestEvents&) = delete;

  /// Calls `handler` for each event at `port`, which is not the control channel's. An event at a port without
  /// a handler is counted, and the port masked for good.
  void bind(ring::Port port, std::function<void()> handler);

  /// From now on `serve` is called when there may be work on the control channel, and `has_work` (without
  /// side effects) to find out.
  void start(std::function<bool()> has_work, std::function<void()> serve);

  /// Notifies the controller. No system call if it is awake or has been notified already.
  void notify();

  /// The port of the control channel.
  [[nodiscard]] ring::Port port() const { return channel_.port; }
  /// Whether an event at that port has not been taken; while the guest is awake, none wakes it.
  [[nodiscard]] bool announced() const { return bits_.is_pending(channel_.port); }
  /// The number of events without a handler.
  [[nodiscard]] std::uint32_t stray_count() const { return strays_; }

 private:
  struct Binding {
    ring::Port port;
    std::function<void()> handler;
  };

  void upcall();
  void follow_controller();
  void deliver(ring::Port port);
  [[nodiscard]] bool try_sleep();
  void mask();

  Host& host_;
  trace::Journal journal_;
  DomainId domain_;
  ring::EventBits<> bits_;
  ring::UpEvents<> up_;
  ring::ChannelWords* words_;
  Channel channel_;
  std::vector<Binding> bindings_;
  std::function<bool()> has_work_;
  std::function<void()> serve_;
  std::optional<Host::WaitId> wait_;
  std::uint32_t strays_ = 0;
};

}  // namespace ringside::domu
