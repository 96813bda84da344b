// What the hypervisor announces, and what programs ask.
#include "emu/dom0/xenctld/xenctld.h"

#include <cerrno>
#include <utility>

namespace ringside::dom0 {

Xenctld::Xenctld(Host& host, trace::Journal journal, Privcmd privcmd, XenctldOptions options)
    : host_(host),
      journal_(journal),
      privcmd_(std::move(privcmd)),
      lives_(host, privcmd_, [this](const Error& error) { hypervisor_gone(error); }),
      options_(std::move(options)),
      server_(host, [this](Client client, std::string_view line) { take_request(client, line); }),
      domains_(domain_id_max + 1) {}

Xenctld::~Xenctld() {
  if (settle_timer_ != 0) host_.timer_cancel(settle_timer_);
  if (check_timer_ != 0) host_.timer_cancel(check_timer_);
  if (last_reader_timer_ != 0) host_.timer_cancel(last_reader_timer_);
}

Result<> Xenctld::start() {
  auto events = EventDevice::open(host_, journal_, privcmd_);
  if (!events) return events.error();
  events_ = std::move(events).value();
  events_->on_readable([this] { read_events(); });
  if (auto listening = server_.listen(options_.management_socket); !listening) return listening;
  if (auto bound = bind_virq(); !bound) return bound;
  auto running = privcmd_.domains();
  if (!running) return running.error();
  for (const DomainInfo& info : *running) take_up(info);
  ConsoleStore::bury_gone(
      host_, journal_, *running, XenctldConsole::store_shape(options_.queue_limit_bytes),
      [this](DomainId id) { return store_path(id); }, [](DomainId) {});
  check_all();
  lives_.watch_hypervisor();
  return Done{};
}

// -- events

Result<> Xenctld::bind_virq() {
  auto port = privcmd_.evtchn_bind_virq(VIRQ_DOM_EXC);
  if (!port) return port.error();
  virq_port_ = *port;
  return events_->bind(virq_port_, EventDevice::Wake::device, 0);
}

/// A channel serves its ring when it is woken, whatever is read here; what only this reading tells is the end
/// of some domain.
void Xenctld::withhold_answers(bool withhold) {
  answers_withheld_ = withhold;
  for (auto& domain : domains_) {
    if (domain != nullptr) domain->console->withhold_answers(withhold);
  }
}

void Xenctld::read_events() {
  std::uint16_t port = 0;
  while (true) {
    switch (events_->read(port)) {
      case EventDevice::Read::nothing:
        return;
      case EventDevice::Read::overflow:
        events_->reset();
        break;
      case EventDevice::Read::port:
        // From a timer: a channel may be at work, and the domain that has ended may be its own.
        if (port == virq_port_ && check_timer_ == 0) {
          check_timer_ = host_.timer_start(Duration::zero(), [this] {
            check_timer_ = 0;
            privcmd_.when_answered([this] { check_all(); });
          });
        }
        events_->write(port);
        break;
    }
  }
}

// -- requests

void Xenctld::take_request(Client client, std::string_view line) {
  auto request = parse_dom0_request(line);
  if (!request) return server_.answer(client, "error " + request.error().why);
  if (request->verb == Dom0Request::Verb::consoles) return ask_consoles(client);
  const DomainId id = request->domain;
  if (request->verb == Dom0Request::Verb::console)
    return privcmd_.when_answered([this, client, id] { ask_console(client, id); });
  if (request->verb == Dom0Request::Verb::resume)
    return privcmd_.when_answered([this, client, id] { ask_resume(client, id); });
  if (request->verb == Dom0Request::Verb::forget)
    return privcmd_.when_answered([this, client, id] { forget(client, id); });
  Domain* domain = find(request->domain);
  if (domain == nullptr) {
    return server_.answer(client, fmt::format("error domain {} has no console here", request->domain));
  }
  ask_domain(client, *domain, *request);
}

void Xenctld::ask_domain(Client client, Domain& domain, const Dom0Request& request) {
  switch (request.verb) {
    case Dom0Request::Verb::console:
    case Dom0Request::Verb::consoles:
    case Dom0Request::Verb::resume:
    case Dom0Request::Verb::forget:
      return;
    case Dom0Request::Verb::suspend:
      ask_suspend(client, domain, request.message);
      break;
    case Dom0Request::Verb::shutdown:
    case Dom0Request::Verb::sysrq:
    case Dom0Request::Verb::balloon:
      if (domain.ended) return server_.answer(client, fmt::format("error domain {} has ended", domain.id));
      if (domain.suspended)
        return server_.answer(client, fmt::format("error domain {} is suspended", domain.id));
      domain.control->ask(client, request.message);
      break;
    case Dom0Request::Verb::attach:
      answer_outcome(client, domain.console->attach(request.path, request.input_path));
      break;
    case Dom0Request::Verb::detach:
      answer_outcome(client, domain.console->detach());
      break;
    case Dom0Request::Verb::take:
      return server_.answer(client,
                            "error this machine runs xenctld: who has a pty open must close it by himself");
  }
  settle(domain);
}

void Xenctld::forget(Client client, DomainId id) {
  Domain* domain = find(id);
  if (domain == nullptr)
    return server_.answer(client, fmt::format("error domain {} has no console here", id));
  domain->console->store().give_up();
  remove(*domain);
  server_.answer(client, "ok");
}

void Xenctld::answer_outcome(Client client, const Result<>& outcome) {
  server_.answer(client, outcome ? "ok" : "error " + outcome.error().text());
}

/// The second number is where xend has its TCP port.
std::string Xenctld::console_answer(const Domain& domain) {
  if (domain.channel == nullptr) {
    return fmt::format("error domain {} {}", domain.id,
                       domain.suspended ? "is suspended" : "has lost its channel");
  }
  return fmt::format("ok {} 0 0 {}", domain.channel->remote_port(), domain.console->device().path());
}

void Xenctld::ask_console(Client client, DomainId id) {
  // Ids come round again: this may be the news that the domain it was for is gone.
  if (Domain* known = find(id); known != nullptr) check(*known);
  if (const Domain* known = find(id); known != nullptr) return server_.answer(client, console_answer(*known));
  auto domain = make_domain(id);
  if (!domain) return server_.answer(client, "error " + domain.error().text());
  if (auto opened = open_channel(**domain); !opened) {
    server_.answer(client, "error " + opened.error().text());
    return remove(**domain);
  }
  auto set = privcmd_.domain_set_console_port(id, (*domain)->channel->remote_port());
  if (!set) {
    server_.answer(client, "error " + set.error().text());
    if (set.error().code == EPIPE) return lives_.hypervisor_failed(set.error());
    return remove(**domain);
  }
  server_.answer(client, console_answer(**domain));
  settle(**domain);
}

void Xenctld::ask_consoles(Client client) {
  std::string lines;
  int count = 0;
  for (const auto& domain : domains_) {
    if (domain == nullptr) continue;
    const XenctldConsole& console = *domain->console;
    lines += fmt::format("\n{} 0 0 {} {} {} {}", domain->id, console.device().status_name(),
                         console.buffered_bytes(), console.discarded_bytes(), console.device().path());
    ++count;
  }
  server_.answer(client, fmt::format("ok {}{}", count, lines));
}

void Xenctld::hypervisor_gone(const Error& error) {
  host_.warn(error.text() + "; xenctld ends, and with it every console");
  host_.stop(3);
}

}  // namespace ringside::dom0
