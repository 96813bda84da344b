// What a toolstack of today (libxenlight) does for a domain besides creating it: it prepares the domain's
// console and store connection, and destroys the domain when it has shut down. In 2005 xend did the latter.
//
// Toolstack runs in one process for all domains of today. It stores no state.
#pragma once

#include <functional>
#include <memory>

#include "emu/dom0/channel/event_device.h"
#include "emu/host/host.h"
#include "emu/host/hypercall.h"

namespace ringside::dom0 {

/// Makes the frames that the domain grants to dom0, and the ports that wait for dom0's daemons, and puts the
/// ports into its start info: from then on it is a domain of today. Returns its info.
[[nodiscard]] Result<DomainInfo> furnish_today(Privcmd& privcmd, DomainId domain);

class Toolstack {
 public:
  /// `changed` is called after a change of some domain was dealt with, with the connection. May be empty.
  Toolstack(Host& host, trace::Journal journal, Privcmd privcmd, std::function<void(Privcmd&)> changed);
  ~Toolstack();
  Toolstack(const Toolstack&) = delete;
  Toolstack& operator=(const Toolstack&) = delete;

  /// Destroys the domains of today that have shut down and are not to be preserved, now and from now on.
  Result<> start();

 private:
  void look();
  [[nodiscard]] Result<> destroy_finished();

  Host& host_;
  trace::Journal journal_;
  Privcmd privcmd_;
  std::function<void(Privcmd&)> changed_;
  std::unique_ptr<EventDevice> events_;
  Host::TimerId look_timer_ = 0;
};

}  // namespace ringside::dom0
