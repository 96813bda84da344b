// Domains that come and go, their events, and requests.
#include "emu/dom0/xenconsoled/xenconsoled.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "emu/dom0/requests/dom0_request.h"

namespace ringside::dom0 {

namespace {

Error no_console(DomainId domain, std::string why) {
  return {EINVAL, "no console", fmt::format("domain {}", domain), std::move(why), ""};
}

}  // namespace

Xenconsoled::Xenconsoled(Host& host, trace::Journal journal, Privcmd privcmd, XenconsoledOptions options)
    : host_(host),
      journal_(journal),
      privcmd_(std::move(privcmd)),
      options_(std::move(options)),
      server_(host, [this](Client client, std::string_view line) { take_request(client, line); }) {}

Xenconsoled::~Xenconsoled() {
  if (check_timer_ != 0) host_.timer_cancel(check_timer_);
}

Result<> Xenconsoled::start() {
  auto events = EventDevice::open(host_, journal_, privcmd_);
  if (!events) return events.error();
  events_ = std::move(events).value();
  events_->on_readable([this] { read_events(); });
  if (auto listening = server_.listen(options_.management_socket); !listening) return listening;
  auto port = privcmd_.evtchn_bind_virq(VIRQ_DOM_EXC, true);
  if (!port) return port.error();
  virq_port_ = *port;
  if (auto bound = events_->bind(virq_port_, EventDevice::Wake::device, 0); !bound) return bound;
  auto all = privcmd_.domains();
  if (!all) return all.error();
  for (const DomainInfo& info : *all) {
    if (!info.today() || info.console_port == any_port) continue;
    if (auto taken = take_up(info); !taken) host_.warn(taken.error().text());
  }
  privcmd_.watch([this] {
    host_.warn("the hypervisor is gone");
    host_.stop(1);
  });
  return Done{};
}

// -- events

void Xenconsoled::read_events() {
  std::uint16_t port = 0;
  while (true) {
    switch (events_->read(port)) {
      case EventDevice::Read::nothing:
        return;
      case EventDevice::Read::overflow:
        events_->reset();
        break;
      case EventDevice::Read::port:
        if (port == virq_port_) {
          check_later();
          events_->write(port);
        } else if (const auto found = by_port_.find(port); found != by_port_.end()) {
          domains_.at(found->second).console->event();
        }
        break;
    }
  }
}

/// Without a binding the hypervisor refuses it: the domain has ended.
void Xenconsoled::notify(ring::Port port) {
  const auto sent = privcmd_.evtchn_send(port);
  if (!sent && sent.error().code == ETIMEDOUT) privcmd_.when_answered([this, port] { notify(port); });
}

// -- domains

/// From a timer: a console may be in use, possibly that of the domain that has ended.
void Xenconsoled::check_later() {
  if (check_timer_ != 0) return;
  check_timer_ = host_.timer_start(Duration::zero(), [this] {
    check_timer_ = 0;
    privcmd_.when_answered([this] { check_all(); });
  });
}

void Xenconsoled::check_all() {
  auto all = privcmd_.domains();
  if (!all) return host_.warn(all.error().text());
  std::vector<DomainId> gone;
  for (const auto& [id, domain] : domains_) {
    const auto lives = [&](const DomainInfo& info) {
      return info.domain == id && info.shared_info_frame == domain.frame && info.state.dying == 0;
    };
    if (std::ranges::none_of(*all, lives)) gone.push_back(id);
  }
  for (const DomainId id : gone) remove(id);
}

void Xenconsoled::remove(DomainId id) {
  Domain& domain = domains_.at(id);
  domain.console->end();
  by_port_.erase(domain.local_port);
  events_->unbind(domain.local_port);
  // The hypervisor may have closed it already, with the domain.
  static_cast<void>(privcmd_.evtchn_close(DOMID_SELF, domain.local_port).ok());
  domains_.erase(id);
}

Result<const Xenconsoled::Domain*> Xenconsoled::serve(DomainId id) {
  // Domain ids are reused: the report that the earlier domain of that id is gone may not have arrived.
  check_all();
  if (const auto known = domains_.find(id); known != domains_.end()) return &known->second;
  auto info = privcmd_.domain_info(id);
  if (!info) return info.error();
  if (!info->has_value() || (*info)->domain != id) return no_console(id, "there is no such domain");
  if (!(*info)->today())
    return no_console(id, "its console is that of 2005, and xenconsoled does not serve it");
  if (auto taken = take_up(**info); !taken) return taken.error();
  return &domains_.at(id);
}

Result<> Xenconsoled::take_up(const DomainInfo& info) {
  const DomainId id = info.domain;
  auto frame = privcmd_.grant_map(id, grant_console);
  if (!frame) return frame.error();
  auto rings = host_.frame_map(*frame);
  if (!rings) return rings.error();
  auto ports = privcmd_.evtchn_bind_interdomain(DOMID_SELF, id, any_port, info.console_port, true);
  if (!ports) return ports.error();
  const ring::Port local = ports->port1;
  Domain& domain = domains_[id];
  domain = {
      .frame = info.shared_info_frame, .guest_port = info.console_port, .local_port = local, .console = {}};
  by_port_[local] = id;
  domain.console = std::make_unique<ByteConsole>(
      host_, journal_,
      ByteConsole::Setup{.domain = id,
                         .rings = std::move(*rings),
                         .link = fmt::format("{}/pty-{}", options_.console_directory, id),
                         .limit_bytes = options_.limit_bytes,
                         .notify = [this, local] { notify(local); },
                         .unmask =
                             [this, local] {
                               events_->write(static_cast<std::uint16_t>(local));
                               read_events();
                             }});
  auto served = domain.console->start();
  if (served) served = events_->bind(local, EventDevice::Wake::device, id);
  if (served) {
    read_events();
    return Done{};
  }
  by_port_.erase(local);
  domains_.erase(id);
  static_cast<void>(privcmd_.evtchn_close(DOMID_SELF, local).ok());
  return served;
}

// -- requests

void Xenconsoled::take_request(Client client, std::string_view line) {
  auto request = parse_dom0_request(line);
  if (!request) return server_.answer(client, "error " + request.error().why);
  const DomainId id = request->domain;
  if (request->verb == Dom0Request::Verb::consoles) return ask_consoles(client);
  if (request->verb == Dom0Request::Verb::console)
    return privcmd_.when_answered([this, client, id] { ask_console(client, id); });
  server_.answer(client,
                 fmt::format("error xenconsoled only serves consoles: it sends domain {} no requests", id));
}

void Xenconsoled::ask_console(Client client, DomainId id) {
  auto domain = serve(id);
  if (!domain) return server_.answer(client, "error " + domain.error().text());
  server_.answer(client, fmt::format("ok {} 0 0 {}", (*domain)->guest_port, (*domain)->console->path()));
}

void Xenconsoled::ask_consoles(Client client) {
  std::string lines;
  for (const auto& [id, domain] : domains_) {
    const ByteConsole& console = *domain.console;
    lines += fmt::format("\n{} 0 0 pty {} {} {}", id, console.buffered_bytes(), console.discarded_bytes(),
                         console.path());
  }
  server_.answer(client, fmt::format("ok {}{}", domains_.size(), lines));
}

}  // namespace ringside::dom0
