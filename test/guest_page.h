// The controller's end of a guest's page, driven by the test: requests are taken and answered exactly when
// the test says so.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "emu/host/host.h"
#include "ring/back.h"
#include "ring/front.h"
#include "test/catch.h"
#include "test/ring_page.h"

namespace ringside::test {

[[nodiscard]] inline Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Attaches to the present content of the frame.
class HandController {
 public:
  HandController(std::byte* frame, ring::Abi abi)
      : tx_(ring::Back<>::attach(shared_ring(frame, abi, ring::Ring::tx)).value()),
        rx_(ring::Front<>::attach(shared_ring(frame, abi, ring::Ring::rx)).value()) {}

  /// Takes all requests of the guest since the last call.
  std::vector<ring::ControlMessage> take() {
    std::vector<ring::ControlMessage> taken;
    ring::ControlMessage message;
    while (tx_.take_request(message) == ring::TakeRequest::taken) taken.push_back(message);
    return taken;
  }
  /// The payloads of all requests since the last call, joined.
  std::string take_text() {
    std::string text;
    for (const auto& message : take()) text += text_of(message);
    return text;
  }
  void answer(const ring::ControlMessage& response) {
    REQUIRE(tx_.put_response(response));
    tx_.publish();
  }
  /// Answers the `count` oldest requests with only the id of a console message.
  void answer(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) answer(text_message(""));
  }
  void answer_all() { answer(tx_.unanswered()); }

  /// False when the ring is full.
  bool ask(const ring::ControlMessage& request) {
    if (!rx_.put_request(request)) return false;
    rx_.publish();
    return true;
  }
  bool type(std::string_view text) {
    return ask(ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, 0, bytes_of(text)));
  }
  /// All answers of the guest since the last call.
  std::vector<ring::ControlMessage> answers() {
    std::vector<ring::ControlMessage> taken;
    ring::ControlMessage message;
    while (rx_.take_response(message) == ring::TakeResponse::taken) taken.push_back(message);
    return taken;
  }

 private:
  ring::Back<> tx_;
  ring::Front<> rx_;
};

}  // namespace ringside::test
