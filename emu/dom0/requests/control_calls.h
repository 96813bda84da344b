// What programs have asked to be sent to one domain that its guest must answer: shutdown, sysrq, memory.
// A queue of requests, the ids under which they go, and which answer belongs to which.
//
// One for each domain; its owner, a daemon of dom0, knows how a message gets to the guest and hands over the
// guest's answers. Whoever asked is answered through the daemon's line server.
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

/// Requests of one domain that wait for the guest, the one it is looking at included.
inline constexpr std::size_t control_calls_max = 8;
/// How long a guest may take to answer. Programs that ask a daemon wait longer than this.
inline constexpr Duration control_patience = std::chrono::seconds(10);

/// The ids of one daemon's requests. From 1 on, so that an answer is not taken for one to console input.
class ControlIds {
 public:
  std::uint8_t next();

 private:
  std::uint8_t last_ = 0;
};

class ControlCalls {
 public:
  using Client = LineServer::ClientId;
  /// Sends a message to the guest; false when it cannot be sent now, and then send() is called again when it
  /// can.
  using Send = std::function<bool(const ring::ControlMessage&)>;

  /// `host`, `server` and `ids` outlive it.
  ControlCalls(Host& host, LineServer& server, ControlIds& ids, DomainId domain, Send send);
  ~ControlCalls();
  ControlCalls(const ControlCalls&) = delete;
  ControlCalls& operator=(const ControlCalls&) = delete;

  /// Asks the guest for `client`, who is answered when the guest has, or has taken too long; 0 = nobody waits
  /// for it. What was not sent by then is not sent any more.
  void ask(Client client, ring::ControlMessage message);
  /// Sends what is next, if it can be sent.
  void send();
  /// Something the guest answered. What was not asked here is ignored.
  void take_answer(const ring::ControlMessage& answer);
  /// Nobody will answer: all who wait are told why.
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
  Host::TimerId timer_ = 0;  ///< runs while somebody waits
};

}  // namespace ringside::dom0
