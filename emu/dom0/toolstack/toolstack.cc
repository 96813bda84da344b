// The end of a domain, as the hypervisor announces it.
#include "emu/dom0/toolstack/toolstack.h"

#include <cerrno>
#include <utility>

namespace ringside::dom0 {

Result<DomainInfo> furnish_today(Privcmd& privcmd, DomainId domain) {
  for (const std::uint32_t reference : {grant_console, grant_xenstore}) {
    if (auto granted = privcmd.grant_share(domain, reference); !granted) return granted.error();
  }
  auto store_port = privcmd.evtchn_alloc_unbound(domain, 0);
  if (!store_port) return store_port.error();
  auto console_port = privcmd.evtchn_alloc_unbound(domain, 0);
  if (!console_port) return console_port.error();
  if (auto set = privcmd.domain_set_console_port(domain, *console_port, *store_port); !set)
    return set.error();
  auto info = privcmd.domain_info(domain);
  if (!info) return info.error();
  if (!info->has_value()) return Error{ESRCH, "no such domain", std::to_string(domain), "it is gone", ""};
  return **info;
}

Toolstack::Toolstack(Host& host, trace::Journal journal, Privcmd privcmd,
                     std::function<void(Privcmd&)> changed)
    : host_(host), journal_(journal), privcmd_(std::move(privcmd)), changed_(std::move(changed)) {}

Toolstack::~Toolstack() {
  if (look_timer_ != 0) host_.timer_cancel(look_timer_);
}

Result<> Toolstack::start() {
  auto events = EventDevice::open(host_, journal_, privcmd_);
  if (!events) return events.error();
  events_ = std::move(events).value();
  auto port = privcmd_.evtchn_bind_virq(VIRQ_DOM_EXC, true);
  if (!port) return port.error();
  events_->on_readable([this] {
    std::uint16_t raised = 0;
    while (events_->read(raised) == EventDevice::Read::port) events_->write(raised);
    if (look_timer_ == 0)
      look_timer_ = host_.timer_start(Duration::zero(), [this] {
        look_timer_ = 0;
        privcmd_.when_answered([this] { look(); });
      });
  });
  if (auto bound = events_->bind(*port, EventDevice::Wake::device, 0); !bound) return bound;
  look();
  return Done{};
}

void Toolstack::look() {
  if (auto destroyed = destroy_finished(); !destroyed) host_.warn(destroyed.error().text());
  if (changed_) changed_(privcmd_);
}

Result<> Toolstack::destroy_finished() {
  auto domains = privcmd_.domains();
  if (!domains) return domains.error();
  for (const DomainInfo& info : *domains) {
    const bool finished = info.today() && info.state.shutdown != 0 && info.preserve == 0 &&
                          (info.reason == ShutdownReason::poweroff || info.reason == ShutdownReason::reboot);
    if (!finished) continue;
    if (auto destroyed = privcmd_.domain_destroy(info.domain); !destroyed && destroyed.error().code != ESRCH)
      return destroyed;
  }
  return Done{};
}

}  // namespace ringside::dom0
