// How xend lays a domain down and wakes it, so that no byte of its console is lost or doubled.
//
// Laying down: from the request on, what is typed waits here, and the request to suspend follows the last
// input that was sent. So a guest that has read it has read all input, and one that suspends has had all its
// own requests answered: nothing is under way when the channel is freed. Waking: the hypervisor gives the
// guest another frame, xcs opens a channel anew, and its viewer, who stayed, goes on.
#include <cerrno>

#include "emu/dom0/xend/xend.h"

namespace ringside::dom0 {

void Xend::ask_suspend(Client client, Domain& domain, const ring::ControlMessage& message) {
  const auto refuse = [&](std::string_view why) {
    server_.answer(client, fmt::format("error domain {} {}", domain.id, why));
  };
  if (domain.ended || domain.ending) return refuse("has ended");
  if (domain.suspended) return refuse("is suspended already");
  if (domain.suspension.is_awaited()) return refuse("is being suspended already");
  domain.console->hold_input(true);
  domain.suspension.wait(client, [this, id = domain.id] {
    Domain* slow = find(id);
    if (slow == nullptr) return;
    suspend_failed(*slow,
                   fmt::format("domain {} has not suspended: it waits until its viewer has read what it "
                               "printed and its program what was typed, or cannot suspend",
                               id));
  });
  // Its answer says only that the guest will try.
  domain.control->ask(0, message);
}

/// Input flows again. A guest that suspends later than it was waited for is laid down all the same.
void Xend::suspend_failed(Domain& domain, const std::string& why) {
  if (!domain.suspension.fail(why)) return;
  domain.console->hold_input(domain.suspended);
  link_.flush();
}

/// The guest sleeps, and all it had said has come.
void Xend::lay_down(Domain& domain) {
  journal_.told(domain.id, "domain suspended");
  domain.suspended = true;
  domain.console->hold_input(true);
  domain.console->channel_lost();
  domain.control->fail(fmt::format("domain {} is suspended", domain.id));
  const Client suspender = domain.suspension.end();
  const auto port = static_cast<std::int32_t>(domain.local_port);
  const auto done = [this, suspender](const XcsMessage&) { server_.answer(suspender, "ok"); };
  if (domain.link == Link::open) {
    link_.call(bind_message(XCS_MSG_UNBIND, port, xcs_type_wildcard), nullptr);
    link_.call(interface_message(XCS_CIF_FREE_CC, domain.id, domain.local_port, domain.guest_port), done);
  } else {
    server_.answer(suspender, "ok");
  }
  domain.link = Link::none;
  domain.local_port = any_port;
  domain.guest_port = any_port;
}

void Xend::ask_resume(Client client, DomainId id) {
  const auto refuse = [&](const std::string& why) { server_.answer(client, "error " + why); };
  Domain* known = find(id);
  if (known != nullptr && (known->link == Link::opening || known->ending))
    return refuse(fmt::format("domain {} is busy: try again", id));
  if (!link_.up()) return refuse("xcs is gone: try again when it is back");
  auto frame = lives_.wake(id, known != nullptr && known->suspended);
  if (!frame) return refuse(frame.error().why);
  if (known == nullptr) {
    // Laid down under an xend that is no more.
    auto made = make_domain(id);
    if (!made) return refuse(made.error().text());
    known = *made;
  }
  known->frame = *frame;
  known->console->store().moved(*frame);
  known->creator = client;
  open_channel(*known, any_port);
}

}  // namespace ringside::dom0
