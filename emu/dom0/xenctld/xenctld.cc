// The hypervisor's announcements, and how xenctld makes a domain's channel and console.
#include "emu/dom0/xenctld/xenctld.h"

#include <utility>

namespace ringside::dom0 {

namespace {

/// The most rounds in one call, so that a guest that always writes does not block the others.
constexpr int settles_per_call_max = 4;

}  // namespace

Xenctld::Xenctld(Host& host, trace::Journal journal, Privcmd privcmd, XenctldOptions options)
    : ConsoleDaemon(host, journal, std::move(privcmd),
                    {.name = "xenctld",
                     .reader = "reader",
                     .management_socket = options.management_socket,
                     .console_directory = options.console_directory,
                     .store_shape = XenctldConsole::store_shape(options.queue_limit_bytes)}),
      options_(std::move(options)),
      channels_(domain_id_max + 1) {}

Xenctld::~Xenctld() {
  if (settle_timer_ != 0) host_.timer_cancel(settle_timer_);
  if (check_timer_ != 0) host_.timer_cancel(check_timer_);
}

Result<> Xenctld::start() {
  auto events = EventDevice::open(host_, journal_, privcmd_);
  if (!events) return events.error();
  events_ = std::move(events).value();
  events_->on_readable([this] { read_events(); });
  if (auto listening = listen(); !listening) return listening;
  if (auto bound = bind_virq(); !bound) return bound;
  if (auto adopted = adopt_domains(); !adopted) return adopted;
  open_channels();
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

/// Each channel serves its rings when it is woken. So of the ports that are read here only that of the virq
/// matters: a domain has ended.
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
        // From a timer: a channel may be in use, possibly that of the domain that has ended.
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

// -- consoles

ConsoleGuest Xenctld::guest_of(Domain& domain) {
  return {.has_room = [&domain] { return domain.link == Link::open; },
          .numbers = [] { return true; },
          .send =
              [this, &domain](const ring::ControlMessage& message, std::uint32_t tag) {
                switch (channels_[domain.id]->send_request(message, tag)) {
                  case Channel::Send::taken:
                  case Channel::Send::known:
                    return ConsoleGuest::Sent::taken;
                  case Channel::Send::answered:
                    return ConsoleGuest::Sent::answered;
                  case Channel::Send::full:
                  case Channel::Send::broken:
                    break;
                }
                return ConsoleGuest::Sent::full;
              },
          .respond =
              [this, &domain](const ring::ControlMessage& message, std::uint32_t number) {
                // The channel reports a response that answers no request.
                (void)channels_[domain.id]->respond(message, number);
              },
          .flush = [this, &domain] { settle(domain); },
          .reader_left = {}};
}

Result<> Xenctld::make_console(Domain& domain, ConsoleStore store) {
  auto console = std::make_unique<XenctldConsole>(
      host_, journal_, domain.id, fmt::format("{}/pty-{}", options_.console_directory, domain.id),
      options_.queue_limit_bytes, std::move(store), domain.guest);
  XenctldConsole& made = *console;
  domain.console = std::move(console);
  return made.start();
}

/// Looking at a channel takes new messages, and these must be settled too.
void Xenctld::settle(Domain& domain) {
  for (int round = 0; round < settles_per_call_max; ++round) {
    domain.unsettled = false;
    domain.console->settle();
    domain.control->send();
    if (domain.link != Link::open) return;
    channels_[domain.id]->look();
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

// -- channels

void Xenctld::open_channel(Domain& domain) {
  auto opened = Channel::open(host_, journal_, privcmd_, *events_, {domain.id, any_port, any_port}, counters_,
                              events_of(domain));
  if (!opened) return channel_failed(domain, opened.error().text());
  auto& channel = channels_[domain.id] = std::move(opened).value();
  domain.guest_port = channel->remote_port();
  // They are answered when the channel has been opened.
  for (const Channel::UnansweredRequest& each : channel->unanswered()) {
    domain.console->guest_request(each.message, each.index);
  }
  channel_opened(domain);
}

Channel::Events Xenctld::events_of(Domain& domain) {
  return {.request =
              [&domain](const Channel::UnansweredRequest& asked) {
                domain.unsettled = true;
                domain.console->guest_request(asked.message, asked.index);
              },
          .response =
              [&domain](const ring::ControlMessage& answer, std::uint32_t tag) {
                domain.unsettled = true;
                take_response(domain, answer, tag);
              },
          .room = [] {},  // turned() follows, and offers again what found no room
          .turned =
              [this, &domain] {
                read_events();
                settle(domain);
              }};
}

void Xenctld::close_channel(Domain& domain, const std::function<void()>& closed) {
  const auto channel = std::move(channels_[domain.id]);
  channel->flush();
  channel->close_port();
  closed();
}

/// Settling takes all messages from the ring, so the last output has arrived then.
void Xenctld::take_last_output(Domain& domain) {
  settle(domain);
  last_output_came(domain.id);
}

}  // namespace ringside::dom0
