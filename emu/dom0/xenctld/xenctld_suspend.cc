// How xenctld lays a domain down and wakes it, so that no byte of its console is lost or doubled.
//
// Laying down: from the request on, what is typed waits here, and the request to suspend follows the last
// input in the ring. A guest that sleeps has had all its own requests answered and has answered all input
// that it read; the channel goes, the queues and the pty stay. Waking: the hypervisor gives the guest another
// frame with the indices and tags of the old one, and a channel is opened on that.
#include <cerrno>

#include "emu/dom0/xenctld/xenctld.h"

namespace ringside::dom0 {

void Xenctld::ask_suspend(Client client, Domain& domain, const ring::ControlMessage& message) {
  const auto refuse = [&](std::string_view why) {
    server_.answer(client, fmt::format("error domain {} {}", domain.id, why));
  };
  if (domain.ended) return refuse("has ended");
  if (domain.suspended) return refuse("is suspended already");
  if (domain.suspension.is_awaited()) return refuse("is being suspended already");
  domain.console->hold_input(true);
  domain.suspension.wait(client, [this, id = domain.id] {
    Domain* slow = find(id);
    if (slow == nullptr) return;
    suspend_failed(*slow,
                   fmt::format("domain {} has not suspended: it waits until its reader has read what it "
                               "printed and its program what was typed, or cannot suspend",
                               id));
    settle(*slow);
  });
  // Its answer says only that the guest will try.
  domain.control->ask(0, message);
}

/// Input flows again. A guest that suspends later than it was waited for is laid down all the same.
void Xenctld::suspend_failed(Domain& domain, const std::string& why) {
  if (!domain.suspension.fail(why)) return;
  domain.console->hold_input(domain.suspended);
}

void Xenctld::lay_down(Domain& domain) {
  journal_.told(domain.id, "domain suspended");
  domain.suspended = true;
  domain.console->hold_input(true);
  if (domain.channel != nullptr) {
    // The news of its sleep may be quicker than what it said last.
    domain.channel->look();
    domain.console->settle();
    domain.channel->close_port();
    domain.channel.reset();
  }
  domain.console->channel_lost();
  domain.control->fail(fmt::format("domain {} is suspended", domain.id));
  server_.answer(domain.suspension.end(), "ok");
}

void Xenctld::ask_resume(Client client, DomainId id) {
  const auto refuse = [&](const std::string& why) { server_.answer(client, "error " + why); };
  Domain* known = find(id);
  auto frame = lives_.wake(id, known != nullptr && known->suspended);
  if (!frame) return refuse(frame.error().why);
  if (known == nullptr) {
    // Laid down under somebody else.
    auto made = make_domain(id);
    if (!made) return refuse(made.error().text());
    known = *made;
  }
  known->suspended = true;
  known->frame = *frame;
  known->console->store().moved(*frame);
  // On failure it sleeps on with its reader: somebody may try again.
  if (auto opened = open_channel(*known); !opened) return refuse(opened.error().text());
  if (auto set = privcmd_.domain_set_console_port(id, known->channel->remote_port()); !set) {
    known->channel->close_port();
    known->channel.reset();
    refuse(set.error().text());
    if (set.error().code == EPIPE) lives_.hypervisor_failed(set.error());
    return;
  }
  known->suspended = false;
  journal_.told(id, "domain resumed");
  server_.answer(client, console_answer(*known));
  known->console->hold_input(false);
  settle(*known);
  check(*known);
}

}  // namespace ringside::dom0
