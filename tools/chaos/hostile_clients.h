// Hostile clients of xcs: half a session, half a frame, a client that never reads.
#pragma once

#include <cstdint>
#include <string>

#include "emu/script/stage.h"

namespace ringside::chaos {

class HostileClients {
 public:
  /// `stage` outlives this.
  explicit HostileClients(script::Stage& stage) : stage_(stage) {}

  /// A new client that has only a control connection.
  bool half_session();
  /// A new client that has only a data connection, and sends that many bytes of a frame.
  bool half_frame(std::size_t bytes);
  /// A new client that binds the console of `domain`, and reads nothing.
  bool unreading_client(DomainId domain);
  /// Disconnects all of them.
  void leave();

 private:
  bool open(script::Lane lane);
  [[nodiscard]] std::string last() const { return std::to_string(count_); }

  script::Stage& stage_;
  std::uint32_t count_ = 0;
};

}  // namespace ringside::chaos
