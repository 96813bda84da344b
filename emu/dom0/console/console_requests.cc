// Programs' requests.
#include <utility>

#include "emu/dom0/console/console_daemon.h"

namespace ringside::dom0 {

void ConsoleDaemon::take_request(Client client, std::string_view line) {
  auto request = parse_dom0_request(line);
  if (!request) return server_.answer(client, "error " + request.error().why);
  const DomainId id = request->domain;
  if (request->verb == Dom0Request::Verb::consoles) return ask_consoles(client);
  if (request->verb == Dom0Request::Verb::console)
    return privcmd_.when_answered([this, client, id] { ask_console(client, id); });
  if (request->verb == Dom0Request::Verb::resume)
    return privcmd_.when_answered([this, client, id] { ask_resume(client, id); });
  if (request->verb == Dom0Request::Verb::forget)
    return privcmd_.when_answered([this, client, id] { ask_forget(client, id); });
  Domain* domain = find(id);
  if (domain == nullptr)
    return server_.answer(client, fmt::format("error domain {} has no console here", id));
  ask_domain(client, *domain, *request);
  domain->guest.flush();
}

void ConsoleDaemon::ask_domain(Client client, Domain& domain, const Dom0Request& request) {
  switch (request.verb) {
    case Dom0Request::Verb::console:
    case Dom0Request::Verb::consoles:
    case Dom0Request::Verb::resume:
    case Dom0Request::Verb::forget:
      return;
    case Dom0Request::Verb::suspend:
      return ask_suspend(client, domain, request.message);
    case Dom0Request::Verb::shutdown:
    case Dom0Request::Verb::sysrq:
    case Dom0Request::Verb::balloon:
      if (domain.ended || domain.ending)
        return server_.answer(client, fmt::format("error domain {} has ended", domain.id));
      if (domain.suspended)
        return server_.answer(client, fmt::format("error domain {} is suspended", domain.id));
      return domain.control->ask(client, request.message);
    case Dom0Request::Verb::attach:
    case Dom0Request::Verb::detach:
    case Dom0Request::Verb::take: {
      const Result<> done = domain.console->ask(request);
      return server_.answer(client, done ? "ok" : "error " + done.error().text());
    }
  }
}

void ConsoleDaemon::ask_consoles(Client client) {
  std::string lines;
  int count = 0;
  for (const auto& domain : domains_) {
    if (domain == nullptr) continue;
    const Console& console = *domain->console;
    lines += fmt::format("\n{} {} {} {} {} {} {}", domain->id, console.tcp_port(), console.telnet_port(),
                         console.status_name(), console.buffered_bytes(), console.discarded_bytes(),
                         console.path());
    ++count;
  }
  server_.answer(client, fmt::format("ok {}{}", count, lines));
}

void ConsoleDaemon::ask_console(Client client, DomainId id) {
  // Domain ids are reused: this may be the report that the earlier domain of that id is gone.
  if (Domain* known = find(id); known != nullptr) check(*known);
  if (Domain* known = find(id); known != nullptr) {
    if (!known->ending || known->successor != 0) return server_.answer(client, console_answer(*known));
    known->successor = client;
    return;
  }
  if (const auto why = cannot_open(); !why.empty())
    return server_.answer(client, fmt::format("error {}", why));
  auto domain = make_domain(id);
  if (!domain) return server_.answer(client, "error " + domain.error().text());
  (*domain)->creator = client;
  start_channel(**domain);
}

std::string ConsoleDaemon::console_answer(const Domain& domain) {
  if (domain.ending) return fmt::format("error the console of domain {} is being closed", domain.id);
  if (domain.suspended) return fmt::format("error domain {} is suspended", domain.id);
  switch (domain.link) {
    case Link::none:
      return fmt::format("error domain {} has lost its channel", domain.id);
    case Link::opening:
      return fmt::format("error the console of domain {} is being opened", domain.id);
    case Link::open:
      return fmt::format("ok {} {} {} {}", domain.guest_port, domain.console->tcp_port(),
                         domain.console->telnet_port(), domain.console->path());
  }
  return {};
}

void ConsoleDaemon::ask_forget(Client client, DomainId id) {
  Domain* domain = find(id);
  if (domain == nullptr)
    return server_.answer(client, fmt::format("error domain {} has no console here", id));
  if (domain->link == Link::opening) return server_.answer(client, console_answer(*domain));
  domain->console->store().give_up();
  remove(*domain);
  server_.answer(client, "ok");
}

// -- suspension

void ConsoleDaemon::ask_suspend(Client client, Domain& domain, const ring::ControlMessage& message) {
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
                   fmt::format("domain {} has not suspended: it waits until its {} has read its output "
                               "and its program has read its input, or it cannot suspend",
                               id, options_.reader));
  });
  // The answer says only that the guest will try to suspend.
  domain.control->ask(0, message);
}

/// Input flows again. The guest may still suspend later.
void ConsoleDaemon::suspend_failed(Domain& domain, const std::string& why) {
  // It has suspended after all; only the reply about its channel is missing.
  if (domain.suspended) return server_.answer(domain.suspension.end(), "ok");
  if (!domain.suspension.fail(why)) return;
  domain.console->hold_input(false);
  domain.guest.flush();
}

void ConsoleDaemon::ask_resume(Client client, DomainId id) {
  const auto refuse = [&](std::string_view why) { server_.answer(client, fmt::format("error {}", why)); };
  // The report that the domain has suspended may not have arrived.
  if (Domain* running = find(id); running != nullptr) check(*running);
  Domain* known = find(id);
  if (known != nullptr && known->ending && known->resumer == 0) {
    known->resumer = client;
    return;
  }
  if (known != nullptr && (known->link == Link::opening || known->ending))
    return refuse(fmt::format("domain {} is busy: try again", id));
  if (const auto why = cannot_open(); !why.empty()) return refuse(why);
  if (known != nullptr) known->console->store().moves();
  frame_moves(id);
  auto frame = lives_.resume(id, known != nullptr && known->suspended);
  if (known != nullptr) known->console->store().moved(frame ? *frame : known->frame);
  frame_moved(id, frame ? std::optional(*frame) : std::nullopt);
  if (!frame) return refuse(frame.error().why);
  if (known == nullptr) {
    // An earlier daemon suspended it.
    auto made = make_domain(id);
    if (!made) return refuse(made.error().text());
    known = *made;
  }
  known->suspended = true;
  known->frame = *frame;
  known->creator = client;
  start_channel(*known);
}

/// The state of the domain is known now.
void ConsoleDaemon::resume_later(Domain& domain) {
  if (const Client client = std::exchange(domain.resumer, 0); client != 0) ask_resume(client, domain.id);
}

/// Tells all clients that wait for this guest why their requests will not be carried out.
void ConsoleDaemon::fail_requests(Domain& domain, const std::string& why) {
  domain.control->fail(why);
  suspend_failed(domain, why);
  server_.answer(std::exchange(domain.resumer, 0), "error " + why);
  server_.answer(std::exchange(domain.successor, 0), "error " + why);
}

}  // namespace ringside::dom0
