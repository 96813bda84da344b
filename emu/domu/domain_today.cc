// What differs in a guest of today: its console is in a frame of its own, and xenconsoled may bind its end of
// the event channel at any time, or again.
#include <cerrno>
#include <utility>

#include "emu/domu/domain.h"

namespace ringside::domu {

Result<> DomU::connect_today(const DomainInfo& info) {
  auto frame = privcmd_.grant_map(DOMID_SELF, grant_console);
  if (!frame) return frame.error();
  auto rings = host_.frame_map(*frame);
  if (!rings) return rings.error();
  rings_ = std::move(*rings);
  auto handles = privcmd_.evtchn_open(info.console_port);
  if (!handles) return handles.error();
  GuestEvents::Channel channel;
  channel.port = info.console_port;
  channel.kicks = std::move(handles->kicks);
  // Events to dom0 are hypercalls: which process has the other end does not matter.
  channel.reopen = [] { return std::nullopt; };
  events_.emplace(host_, journal_, domain_, frame_.frame(), info.abi, std::move(channel));
  hvc_.emplace(host_, journal_, domain_,
               HvcTty::Setup{.rings = rings_.frame(),
                             .words = ring::channel_words(frame_.frame()),
                             .notify = [this] { notify_today(); },
                             .terminal_moved = [this] { settle(); }});
  // xenconsoled sends an event for all that it does, so the rings need not be looked at.
  events_->start([this] { return events_->announced(); }, [this] { serve(); });
  return Done{};
}

/// Without xenconsoled at the other end the hypervisor refuses it. Nothing is lost: a binding causes an
/// event, and xenconsoled then looks at the rings.
void DomU::notify_today() {
  const auto sent = privcmd_.evtchn_send(events_->port());
  if (!sent && sent.error().code == ETIMEDOUT) privcmd_.when_answered([this] { notify_today(); });
}

GuestConsole& DomU::console_in_use() {
  RS_CHECK(hvc_ || console_);
  if (hvc_) return *hvc_;
  return *console_;
}

}  // namespace ringside::domu
