// An event channel handle of today: one descriptor that stays readable while an event is pending at any port
// that was bound with it. A port is masked when its event is delivered, and delivers again once it is
// unmasked.
//
// The event bits are dom0's, in its shared_info frame, which all processes of dom0 share; a handle touches
// the bits of its own ports only. The ports belong to the handle's connection.
#pragma once

#include <deque>
#include <map>

#include "ring/event_bits.h"
#include "tools/modern/pages.h"

namespace ringside::modern {

class EventHandle {
 public:
  [[nodiscard]] static Result<std::unique_ptr<EventHandle>> open(bool close_on_exec);

  [[nodiscard]] int descriptor() const { return poll_.get(); }
  [[nodiscard]] Result<int> bind_unbound(DomainId remote);
  [[nodiscard]] Result<int> bind_interdomain(DomainId remote, ring::Port remote_port);
  [[nodiscard]] Result<int> bind_virq(std::uint32_t virq);
  [[nodiscard]] Result<int> unbind(ring::Port port);
  [[nodiscard]] Result<int> notify(ring::Port port);
  /// The next port with an event. Waits for one, unless the descriptor is non-blocking (EAGAIN). EPIPE: the
  /// hypervisor is gone.
  [[nodiscard]] Result<int> pending();
  [[nodiscard]] Result<int> unmask(ring::Port port);

 private:
  EventHandle(std::unique_ptr<Link> link, Pages page, ring::Abi abi, Fd poll, Fd readiness);
  [[nodiscard]] Result<int> listen(ring::Port port, bool with_event);
  void collect();
  void deliver(ring::Port port);
  void queue(ring::Port port);

  std::mutex lock_;
  std::unique_ptr<Link> link_;
  Pages page_;
  ring::EventBits<> bits_;
  Fd poll_;       ///< the kicks of all ports, readiness, and the connection
  Fd readiness_;  ///< readable while the queue is not empty
  std::map<ring::Port, Fd> kicks_;
  std::deque<ring::Port> queue_;
  bool gone_ = false;
};

}  // namespace ringside::modern
