// dom0's event device. It tells a program in dom0, which has no upcall of its own, that an event channel was
// raised. It binds ports, keeps their bits in dom0's shared_info, and hands out raised ports as a queue of
// 16-bit numbers. A port that was handed out stays masked until its number is written back.
//
// One per daemon. All daemons share dom0's ports and its frame, so a device touches the bits of its own ports
// only. The daemon owns it and drives it from one thread. The device does not know what a port is for.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

#include "emu/base/check.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"
#include "ring/event_bits.h"

namespace ringside::dom0 {

/// Ports that may wait to be read (one page of 16-bit numbers). More is an overflow.
inline constexpr std::size_t event_queue_ports_max = 2048;

class EventDevice {
 public:
  /// Which side watches a port's kicks.
  enum class Wake : std::uint8_t {
    device,  ///< the device: the sender (the hypervisor) has set dom0's bits before it kicked
    owner,   ///< the owner: its sender cannot set dom0's bits, so the owner calls raise()
  };
  enum class Read : std::uint8_t {
    port,      ///< one was taken
    nothing,   ///< none is waiting
    overflow,  ///< ports were lost: nothing is handed out before reset()
  };

  /// Maps dom0's own frame through the start info of `privcmd`'s connection. All three outlive the device.
  [[nodiscard]] static Result<std::unique_ptr<EventDevice>> open(Host& host, trace::Journal journal,
                                                                 Privcmd& privcmd);
  EventDevice(const EventDevice&) = delete;
  EventDevice& operator=(const EventDevice&) = delete;

  /// `readable` is called after a kick, when read() has something to return. It is not called for ports that
  /// bind(), raise(), write() and reset() put into the queue: their caller reads them.
  void on_readable(std::function<void()> readable) { readable_ = std::move(readable); }

  /// Takes over a port of dom0 and repairs the state that a predecessor left: unmasks the port, and hands it
  /// out at once if it was pending. The journal files its events under the domain `about`. EEXIST: bound
  /// already; EINVAL: not a port; otherwise the hypervisor's error.
  [[nodiscard]] Result<> bind(ring::Port port, Wake wake, DomainId about);
  /// Unbinds; the port itself stays with dom0. A number that waits to be read stays in the queue.
  void unbind(ring::Port port);
  [[nodiscard]] bool is_bound(ring::Port port) const;

  /// Of a bound port.
  [[nodiscard]] const Handle& kicks(ring::Port port) const;
  /// Of a bound port's peer; invalid unless interdomain.
  [[nodiscard]] const Handle& peer_kicks(ring::Port port) const;

  /// Sets the bits of a bound port and queues it, unless it is masked or pending.
  void raise(ring::Port port);

  /// Takes the oldest port number that waits.
  [[nodiscard]] Read read(std::uint16_t& port);
  /// The reader is done with the port: unmasks it, and queues it again if it was raised meanwhile. A port
  /// that is not bound here is ignored.
  void write(std::uint16_t port);
  /// Ends an overflow: forgets the queue and queues every bound port, since any of them may have been lost.
  void reset();

 private:
  struct Bound {
    Privcmd::PortHandles handles;
    DomainId about;
    Wake wake;
  };

  EventDevice(Host& host, trace::Journal journal, Privcmd& privcmd, Mapping frame, ring::Abi abi);
  void kicked(ring::Port port);
  void upcall(ring::Port port);
  void hand_out(ring::Port port);
  [[nodiscard]] bool unmask(ring::Port port);
  void tell_mask(ring::Port port, trace::MaskBit now);
  [[nodiscard]] const Bound& bound(ring::Port port) const;

  Host& host_;
  trace::Journal journal_;
  Privcmd& privcmd_;
  Mapping frame_;
  ring::EventBits<> bits_;
  std::array<std::unique_ptr<Bound>, ring::ports_per_domain> bound_;
  std::deque<std::uint16_t> queue_;
  bool overflow_ = false;
  std::function<void()> readable_;
};

}  // namespace ringside::dom0
