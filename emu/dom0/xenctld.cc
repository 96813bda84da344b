// Domains from their console to their end, what the hypervisor announces, and what programs ask.
#include "emu/dom0/xenctld.h"

#include <cerrno>
#include <utility>

namespace ringside::dom0 {

namespace {

/// A guest that is always quicker than this does not keep others from being served.
constexpr int settles_per_turn_max = 4;

}  // namespace

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
            check_all();
          });
        }
        events_->write(port);
        break;
    }
  }
}

// -- the beginning of a domain

Xenctld::Domain* Xenctld::find(DomainId id) {
  return id < domains_.size() ? domains_[id].get() : nullptr;
}

/// A domain whose console an earlier xenctld had. Whatever happened to it meanwhile is found out by
/// check_all().
void Xenctld::take_up(const DomainInfo& info) {
  const DomainId id = info.domain;
  if (id == 0 || info.console_port == any_port || info.state.dying != 0) return;
  auto store = ConsoleStore::find(
      host_, store_path(id), XenctldConsole::store_shape(options_.queue_limit_bytes), info.shared_info_frame);
  if (!store) return;
  auto added = add_domain(info, std::move(*store));
  if (!added) return host_.warn(added.error().text() + "; it has no console");
  journal_.told(id, "console taken up from an earlier xenctld");
  if (auto opened = open_channel(**added); !opened) {
    // Without a channel there is still what was printed before.
    if (lives_.life_of(id, info.shared_info_frame) == Life::living)
      host_.warn(opened.error().text() + "; its console is cut off");
  }
  settle(**added);
}

std::string Xenctld::store_path(DomainId id) const {
  return fmt::format("{}/console-{}.kept", options_.console_directory, id);
}

/// It has no channel yet.
Result<Xenctld::Domain*> Xenctld::add_domain(const DomainInfo& info, ConsoleStore store) {
  auto domain = std::make_unique<Domain>();
  domain->id = info.domain;
  domain->frame = info.shared_info_frame;
  domain->control = std::make_unique<ControlCalls>(
      server_, control_ids_, info.domain, [made = domain.get()](const ring::ControlMessage& message) {
        return send(*made, message, 0) == Channel::Send::taken;
      });
  domain->console = std::make_unique<XenctldConsole>(
      host_, journal_, info.domain, fmt::format("{}/pty-{}", options_.console_directory, info.domain),
      options_.queue_limit_bytes, std::move(store), guest_of(*domain));
  if (auto started = domain->console->start(); !started) return started.error();
  domains_[info.domain] = std::move(domain);
  return domains_[info.domain].get();
}

Result<> Xenctld::open_channel(Domain& domain) {
  auto channel = Channel::open(host_, journal_, privcmd_, *events_, {domain.id, any_port, any_port},
                               counters_, events_of(domain));
  if (!channel) return channel.error();
  domain.channel = std::move(channel).value();
  domain.console->channel_opened();
  return Done{};
}

ConsoleGuest Xenctld::guest_of(Domain& domain) {
  return {.send = [&domain](const ring::ControlMessage& message,
                            std::uint32_t tag) { return send(domain, message, tag); },
          .respond =
              [&domain](const Channel::Owed& asked) {
                // The answer is the request itself, in its full length, as xend gives it. Whoever answers
                // more than was asked is a channel that has already said so.
                if (domain.channel != nullptr) (void)domain.channel->respond(asked.message, asked.index);
              },
          .unanswered = [&domain]() -> std::optional<Channel::Owed> {
            if (domain.channel == nullptr || domain.channel->unanswered().empty()) return std::nullopt;
            return domain.channel->unanswered().front();
          },
          .flush = [this, &domain] { settle(domain); }};
}

Channel::Events Xenctld::events_of(Domain& domain) {
  return {.request =
              [&domain](const Channel::Owed& asked) {
                domain.unsettled = true;
                domain.console->guest_request(asked);
              },
          .response =
              [this, &domain](const ring::ControlMessage& answer, std::uint32_t tag) {
                domain.unsettled = true;
                take_response(domain, answer, tag);
              },
          .room = [] {},  // turned() follows, and offers again what found none
          .turned =
              [this, &domain] {
                read_events();
                settle(domain);
              }};
}

Channel::Send Xenctld::send(Domain& domain, const ring::ControlMessage& message, std::uint32_t tag) {
  return domain.channel == nullptr ? Channel::Send::full : domain.channel->send_request(message, tag);
}

void Xenctld::take_response(Domain& domain, const ring::ControlMessage& answer, std::uint32_t tag) {
  if (answer.type != ring::CMSG_CONSOLE) return domain.control->take_answer(answer);
  if (answer.subtype == ring::CMSG_CONSOLE_DATA && answer.id == 0) domain.console->guest_response(tag);
}

/// To flush a channel is to take what has come meanwhile, and that wants to be settled too.
void Xenctld::settle(Domain& domain) {
  for (int round = 0; round < settles_per_turn_max; ++round) {
    domain.unsettled = false;
    domain.console->settle();
    domain.control->send();
    if (domain.channel == nullptr) return;
    domain.channel->flush();
    if (!domain.unsettled) return;
  }
  if (settle_timer_ != 0) return;
  settle_timer_ = host_.timer_start(Duration::zero(), [this] {
    settle_timer_ = 0;
    for (auto& each : domains_) {
      if (each != nullptr && each->unsettled) settle(*each);
    }
  });
}

// -- the end of a domain

void Xenctld::check_all() {
  for (auto& domain : domains_) {
    if (domain != nullptr) check(*domain);
  }
}

void Xenctld::check(Domain& domain) {
  switch (lives_.life_of(domain.id, domain.frame)) {
    case Life::living:
    case Life::suspended:
    case Life::unknown:
      return;
    case Life::kept:
      if (domain.ended) return;
      domain.ended = true;
      journal_.told(domain.id, "domain ended, kept");
      return end(domain, fmt::format("domain {} has ended", domain.id));
    case Life::finished:
      journal_.told(domain.id, "domain ended");
      // What it said last is in its page for as long as that is mapped here; but somebody else may have been
      // quicker to destroy it.
      if (auto destroyed = privcmd_.domain_destroy(domain.id);
          !destroyed && destroyed.error().code != ESRCH) {
        host_.warn(destroyed.error().text());
      }
      return remove(domain);
    case Life::gone:
      journal_.told(domain.id, "domain gone");
      return remove(domain);
  }
}

/// Takes what the guest has left in its ring.
void Xenctld::end(Domain& domain, const std::string& why) {
  domain.control->fail(why);
  if (domain.channel != nullptr) domain.channel->flush();
  domain.console->finish();
}

void Xenctld::remove(Domain& domain) {
  end(domain, fmt::format("domain {} is gone", domain.id));
  domain.console->close();
  if (!domain.console->store().given_up()) host_.memory_forget(store_path(domain.id));
  if (domain.channel != nullptr) domain.channel->close_port();
  auto removed = std::move(domains_[domain.id]);
  if (!removed->console->device().has_reader()) {
    journal_.counted(removed->id, "bytes that nobody read", 0,
                     static_cast<std::uint32_t>(removed->console->queued_bytes()));
    return;
  }
  removed->channel.reset();
  // The console's guest is gone with the channel: what it still calls does nothing, but must be there.
  last_readers_of_.push_back(std::move(removed));
  if (last_readers_of_.size() > last_readers_max) {
    const Domain& oldest = *last_readers_of_.front();
    host_.warn(fmt::format("the reader of domain {}, which is gone, is cut off: {} bytes unread", oldest.id,
                           oldest.console->queued_bytes()));
    last_readers_of_.pop_front();
  }
  look_at_last_readers();
}

void Xenctld::look_at_last_readers() {
  if (last_reader_timer_ != 0) return;
  std::erase_if(last_readers_of_, [](const auto& domain) { return domain->console->over(); });
  if (last_readers_of_.empty()) return;
  last_reader_timer_ = host_.timer_start(last_reader_look_delay, [this] {
    last_reader_timer_ = 0;
    look_at_last_readers();
  });
}

// -- requests

void Xenctld::take_request(Client client, std::string_view line) {
  auto request = parse_dom0_request(line);
  if (!request) return server_.answer(client, "error " + request.error().why);
  if (request->verb == Dom0Request::Verb::consoles) return ask_consoles(client);
  if (request->verb == Dom0Request::Verb::console) return ask_console(client, request->domain);
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
      return;
    case Dom0Request::Verb::suspend:
    case Dom0Request::Verb::resume:
      return server_.answer(client, "error xenctld cannot suspend or resume domains; xend can");
    case Dom0Request::Verb::shutdown:
    case Dom0Request::Verb::sysrq:
    case Dom0Request::Verb::balloon:
      if (domain.ended) return server_.answer(client, fmt::format("error domain {} has ended", domain.id));
      domain.control->ask(client, request.message);
      break;
    case Dom0Request::Verb::attach:
      answer_outcome(client, domain.console->attach(request.path, request.input_path));
      break;
    case Dom0Request::Verb::detach:
      answer_outcome(client, domain.console->detach());
      break;
    case Dom0Request::Verb::forget:
      domain.console->store().give_up();
      remove(domain);
      return server_.answer(client, "ok");
  }
  settle(domain);
}

void Xenctld::answer_outcome(Client client, const Result<>& outcome) {
  server_.answer(client, outcome ? "ok" : "error " + outcome.error().text());
}

/// The second number is where xend has its TCP port.
std::string Xenctld::console_answer(const Domain& domain) {
  if (domain.channel == nullptr) return fmt::format("error domain {} has no channel", domain.id);
  return fmt::format("ok {} 0 {}", domain.channel->remote_port(), domain.console->device().path());
}

void Xenctld::ask_console(Client client, DomainId id) {
  // Ids come round again: this may be the news that the domain it was for is gone.
  if (Domain* known = find(id); known != nullptr) check(*known);
  if (const Domain* known = find(id); known != nullptr) return server_.answer(client, console_answer(*known));
  auto info = lives_.look_up(id);
  if (!info) return server_.answer(client, "error " + info.error().text());
  const auto cannot = [&](std::string why) {
    const Error error{EINVAL, "no console", fmt::format("domain {}", id), std::move(why), ""};
    server_.answer(client, "error " + error.text());
  };
  if (!info->has_value()) return cannot("there is no such domain");
  if (lives_.life_of(id, (*info)->shared_info_frame) != Life::living) return cannot("it has ended");
  auto store =
      ConsoleStore::make(host_, store_path(id), XenctldConsole::store_shape(options_.queue_limit_bytes),
                         (*info)->shared_info_frame);
  if (!store) return server_.answer(client, "error " + store.error().text());
  auto domain = add_domain(**info, std::move(*store));
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
    lines += fmt::format("\n{} 0 {} {} {} {}", domain->id, console.device().status_name(),
                         console.queued_bytes(), console.discarded_bytes(), console.device().path());
    ++count;
  }
  server_.answer(client, fmt::format("ok {}{}", count, lines));
}

void Xenctld::hypervisor_gone(const Error& error) {
  host_.warn(error.text() + "; xenctld ends, and with it every console");
  host_.stop(3);
}

}  // namespace ringside::dom0
