// A listener: passes each new connection to its owner, and pauses when the host can give none (descriptors
// run out), where a plain watch would spin.
#pragma once

#include <functional>

#include "emu/host/host.h"

namespace ringside::dom0 {

/// The pause of a listener after a failed accept.
inline constexpr Duration accept_rest = std::chrono::milliseconds(100);
/// Connections accepted before others get their turn.
inline constexpr int accepts_per_turn_max = 16;

class Acceptor {
 public:
  /// `accepted` may close the acceptor but not destroy it.
  Acceptor(Host& host, std::function<void(Handle)> accepted);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  void start(Handle listener);
  void close();
  [[nodiscard]] bool open() const { return listener_.valid(); }

 private:
  void take();

  Host& host_;
  std::function<void(Handle)> accepted_;
  Handle listener_;
  Host::TimerId rest_ = 0;
};

}  // namespace ringside::dom0
