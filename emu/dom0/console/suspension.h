// The wait of a client until a guest has suspended, with a time limit. The domain's owner in a daemon of dom0
// has one for each domain, and handles the console meanwhile.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "emu/dom0/requests/line_server.h"
#include "emu/host/host.h"

namespace ringside::dom0 {

/// The time that a guest may take to suspend before the client is told that it has not.
inline constexpr Duration suspend_patience = std::chrono::seconds(10);

class Suspension {
 public:
  Suspension(Host& host, LineServer& server) : host_(host), server_(server) {}
  ~Suspension() { stop(); }
  Suspension(const Suspension&) = delete;
  Suspension& operator=(const Suspension&) = delete;

  [[nodiscard]] bool is_awaited() const { return client_ != 0; }
  /// `late` is called when the guest has not suspended in time; it must call fail().
  void wait(LineServer::ClientId client, std::function<void()> late);
  /// Tells the client that waits why the guest will not suspend; false: no client waits.
  bool fail(std::string_view why);
  /// The guest has suspended. Returns the client to tell; 0: none.
  [[nodiscard]] LineServer::ClientId end();

 private:
  void stop();

  Host& host_;
  LineServer& server_;
  LineServer::ClientId client_ = 0;
  Host::TimerId timer_ = 0;
};

}  // namespace ringside::dom0
