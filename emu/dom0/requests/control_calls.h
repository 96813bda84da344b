// Programs' requests to one domain that its guest must answer: shutdown, sysrq, memory. A queue of requests,
// their ids, and the matching of answers to requests.
//
// One for each domain. Its owner, a daemon of dom0, sends messages to the guest and passes on the guest's
// answers. The client is answered through the daemon's line server.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "emu/dom0/requests/line_server.h"
#include "emu/host/host.h"
#include "emu/host/hypercall.h"
#include "ring/message.h"

namespace ringside::dom0 {

/// Waiting requests of one domain, including the one that the guest has.
inline constexpr std::size_t control_calls_max = 8;
/// The time that a guest may take to answer. Programs that ask a daemon wait longer than this.
inline constexpr Duration control_patience = std::chrono::seconds(10);

/// The ids of one daemon's requests. They start at 1, so that an answer is not confused with one to console
/// input.
class ControlIds {
 public:
  std::uint8_t next();

 private:
  std::uint8_t last_ = 0;
};

class ControlCalls {
 public:
  using Client = LineServer::ClientId;
  /// Sends a message to the guest; false when it cannot be sent now: then send() is called again when it can.
  using Send = std::function<bool(const ring::ControlMessage&)>;

  /// `host`, `server` and `ids` outlive it.
  ControlCalls(Host& host, LineServer& server, ControlIds& ids, DomainId domain, Send send);
  ~ControlCalls();
  ControlCalls(const ControlCalls&) = delete;
  ControlCalls& operator=(const ControlCalls&) = delete;

  /// Queues a request of `client`, which is answered when the guest has answered or has taken too long; 0 =
  /// no client waits for it. A request that was not sent by then is removed.
  void ask(Client client, ring::ControlMessage message);
  /// Sends the next request, if it can be sent.
  void send();
  /// An answer of the guest. Answers to other requests are ignored.
  void take_answer(const ring::ControlMessage& answer);
  /// The guest will not answer: tells all clients that wait why.
  void fail(const std::string& why);

 private:
  struct Call {
    Client client = 0;
    ring::ControlMessage message;
    Time until{};
  };
  void look_at_clock();
  void arm();

  Host& host_;
  LineServer& server_;
  ControlIds& ids_;
  DomainId domain_;
  Send send_;
  std::deque<Call> calls_;
  bool sent_ = false;        ///< the first of them, and no other
  Host::TimerId timer_ = 0;  ///< runs while a client waits
};

}  // namespace ringside::dom0
