// A guest as seen by a controller: its ends of both rings, its events, and for hostile guests its page. The
// test controls all its actions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ring/back.h"
#include "ring/channel_words.h"
#include "ring/front.h"
#include "test/fake_hypervisor.h"
#include "test/message_text.h"

namespace ringside::test {

[[nodiscard]] inline ring::ControlMessage console_message(std::string_view text, std::uint8_t id = 0xff) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  return ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, id, {bytes, text.size()});
}

class FakeGuest {
 public:
  /// The channel may still be unbound.
  FakeGuest(FakeHypervisor& xen, DomainId id, ring::Port port = 1, ring::Abi abi = ring::Abi::sring)
      : xen_(xen),
        id_(id),
        port_(port),
        bits_(xen.frame(id), abi),
        up_(xen.frame(id)),
        tx_shared(ring::shared_ring(xen.frame(id), abi, ring::Ring::tx)),
        rx_shared(ring::shared_ring(xen.frame(id), abi, ring::Ring::rx)),
        tx(*ring::Front<>::attach(tx_shared)),
        rx(*ring::Back<>::attach(rx_shared)) {
    vcpu_ = xen.host().handle_duplicate(xen.vcpu_kicks(id)).value();
    xen.host().kicks_watch(vcpu_, [this] { ++kicks; });
  }

  /// Returns how many messages found a free slot.
  int print(std::string_view text) { return send(console_message(text)); }
  int send(const ring::ControlMessage& message) {
    if (!tx.put_request(message)) return 0;
    tx.publish();
    raise();
    return 1;
  }

  void raise() {
    if (up_.raise() == ring::Raised::kick) kick();
  }
  void kick() { xen_.host().kick(xen_.port_kicks(xen_.status(id_, port_).remote_port)); }

  /// Takes all available responses.
  std::vector<ring::ControlMessage> reap() {
    std::vector<ring::ControlMessage> found;
    ring::ControlMessage message;
    while (tx.take_response(message) == ring::TakeResponse::taken) found.push_back(message);
    return found;
  }

  /// Takes all available requests and answers each as a guest's console does: with length 0, and the payload
  /// left after it.
  std::vector<ring::ControlMessage> take_and_answer() {
    std::vector<ring::ControlMessage> found;
    ring::ControlMessage message;
    while (rx.take_request(message) == ring::TakeRequest::taken) {
      found.push_back(message);
      message.length = 0;
      RS_CHECK(rx.put_response(message));
    }
    rx.publish();
    if (!found.empty()) raise();
    return found;
  }

  /// Runs one upcall and returns the ports that it found.
  std::vector<ring::Port> upcall() {
    std::vector<ring::Port> found;
    bits_.upcall([&](ring::Port port) {
      bits_.clear_pending(port);
      found.push_back(port);
    });
    return found;
  }

 private:
  FakeHypervisor& xen_;
  DomainId id_;
  ring::Port port_;
  ring::EventBits<> bits_;
  ring::UpEvents<> up_;
  Handle vcpu_;

 public:
  ring::SharedRing tx_shared;  ///< for tests that set wrong indices
  ring::SharedRing rx_shared;
  ring::Front<> tx;
  ring::Back<> rx;
  int kicks = 0;  ///< how often the vcpu was woken
};

}  // namespace ringside::test
