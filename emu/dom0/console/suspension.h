// Somebody asked that a guest sleep, and waits until it does: who, and for how long. The domain's owner in a
// daemon of dom0 has one for each domain; what becomes of the console meanwhile is the owner's.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "emu/dom0/requests/line_server.h"
#include "emu/host/host.h"

namespace ringside::dom0 {

/// How long a guest may take to suspend before whoever asked is told that it has not.
inline constexpr Duration suspend_patience = std::chrono::seconds(10);

class Suspension {
 public:
  Suspension(Host& host, LineServer& server) : host_(host), server_(server) {}
  ~Suspension() { stop(); }
  Suspension(const Suspension&) = delete;
  Suspension& operator=(const Suspension&) = delete;

  [[nodiscard]] bool is_awaited() const { return client_ != 0; }
  /// `late` is called when the guest has not suspended in time; it sees to it that fail() is called.
  void wait(LineServer::ClientId client, std::function<void()> late);
  /// Tells whoever waits why it will not be; false: nobody waits.
  bool fail(std::string_view why);
  /// The guest sleeps. Answers who is to be told; 0: nobody.
  [[nodiscard]] LineServer::ClientId end();

 private:
  void stop();

  Host& host_;
  LineServer& server_;
  LineServer::ClientId client_ = 0;
  Host::TimerId timer_ = 0;
};

}  // namespace ringside::dom0
