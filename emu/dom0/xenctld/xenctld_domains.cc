// How xenctld comes by a domain's channel and console, what goes through them, and what it does when the
// domain ends.
#include <cerrno>
#include <utility>

#include "emu/dom0/xenctld/xenctld.h"

namespace ringside::dom0 {

namespace {

/// A guest that is always quicker than this does not keep others from being served.
constexpr int settles_per_call_max = 4;

}  // namespace

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
  // One that sleeps has no channel until it is resumed.
  (*added)->suspended = info.suspended();
  (*added)->console->hold_input(info.suspended());
  if (info.suspended()) return;
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

Result<Xenctld::Domain*> Xenctld::make_domain(DomainId id) {
  auto info = lives_.look_up_living(id);
  if (!info) return info.error();
  auto store =
      ConsoleStore::make(host_, store_path(id), XenctldConsole::store_shape(options_.queue_limit_bytes),
                         info->shared_info_frame);
  if (!store) return store.error();
  return add_domain(*info, std::move(*store));
}

/// It has no channel yet.
Result<Xenctld::Domain*> Xenctld::add_domain(const DomainInfo& info, ConsoleStore store) {
  auto domain = std::make_unique<Domain>(host_, server_);
  domain->id = info.domain;
  domain->frame = info.shared_info_frame;
  domain->control = std::make_unique<ControlCalls>(
      host_, server_, control_ids_, info.domain, [made = domain.get()](const ring::ControlMessage& message) {
        return send(*made, message, 0) == Channel::Send::taken;
      });
  domain->console = std::make_unique<XenctldConsole>(
      host_, journal_, info.domain, fmt::format("{}/pty-{}", options_.console_directory, info.domain),
      options_.queue_limit_bytes, std::move(store), guest_of(*domain));
  if (answers_withheld_) domain->console->withhold_answers(true);
  if (auto started = domain->console->start(); !started) return started.error();
  domains_[info.domain] = std::move(domain);
  return domains_[info.domain].get();
}

Result<> Xenctld::open_channel(Domain& domain) {
  auto channel = Channel::open(host_, journal_, privcmd_, *events_, {domain.id, any_port, any_port},
                               counters_, events_of(domain));
  if (!channel) return channel.error();
  domain.channel = std::move(channel).value();
  // Unanswered requests. Answering one changes the list.
  const auto unanswered = domain.channel->unanswered();
  const std::vector<Channel::Owed> asked(unanswered.begin(), unanswered.end());
  for (const Channel::Owed& each : asked) domain.console->guest_request(each.message, each.index);
  return Done{};
}

ConsoleGuest Xenctld::guest_of(Domain& domain) {
  return {.has_room = [&domain] { return domain.channel != nullptr; },
          .numbers = [] { return true; },
          .send =
              [&domain](const ring::ControlMessage& message, std::uint32_t tag) {
                switch (send(domain, message, tag)) {
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
              [&domain](const ring::ControlMessage& message, std::uint32_t number) {
                // The channel has already reported an answer to nothing.
                (void)domain.channel->respond(message, number);
              },
          .flush = [this, &domain] { settle(domain); },
          .reader_left =
              [this] {
                // From a timer: the console is in the middle of something.
                if (last_readers_of_.empty() || last_reader_timer_ != 0) return;
                last_reader_timer_ = host_.timer_start(Duration::zero(), [this] { forget_last_readers(); });
              }};
}

Channel::Events Xenctld::events_of(Domain& domain) {
  return {.request =
              [&domain](const Channel::Owed& asked) {
                domain.unsettled = true;
                domain.console->guest_request(asked.message, asked.index);
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

/// To look at a channel is to take what has come meanwhile, and that wants to be settled too.
void Xenctld::settle(Domain& domain) {
  for (int round = 0; round < settles_per_call_max; ++round) {
    domain.unsettled = false;
    domain.console->settle();
    domain.control->send();
    if (domain.channel == nullptr) return;
    domain.channel->look();
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
    case Life::unknown:
      return;
    case Life::suspended:
      if (!domain.suspended) lay_down(domain);
      return;
    case Life::kept:
      if (domain.ended) return;
      domain.ended = true;
      journal_.told(domain.id, "domain ended, kept");
      return end(domain, fmt::format("domain {} has ended", domain.id),
                 lives_.crash_notice(domain.id, journal_));
    case Life::finished:
      journal_.told(domain.id, "domain ended");
      // What it said last is in its page for as long as that is mapped here.
      lives_.destroy(domain.id);
      return remove(domain);
    case Life::gone:
      journal_.told(domain.id, "domain gone");
      return remove(domain);
  }
}

/// Takes what the guest has left in its ring.
void Xenctld::end(Domain& domain, const std::string& why, std::string crash_notice) {
  domain.control->fail(why);
  suspend_failed(domain, why);
  if (domain.channel != nullptr) domain.channel->look();
  domain.console->finish(std::move(crash_notice));
}

void Xenctld::remove(Domain& domain) {
  end(domain, fmt::format("domain {} is gone", domain.id));
  domain.console->close();
  if (!domain.console->store().given_up()) host_.memory_forget(store_path(domain.id));
  if (domain.channel != nullptr) domain.channel->close_port();
  auto removed = std::move(domains_[domain.id]);
  if (!removed->console->has_reader()) return removed->console->count_unread();
  removed->channel.reset();
  // The console's guest is gone with the channel: what it still calls does nothing, but must be there.
  last_readers_of_.push_back(std::move(removed));
  if (last_readers_of_.size() > last_readers_max) {
    Domain& oldest = *last_readers_of_.front();
    host_.warn(fmt::format("the reader of domain {}, which is gone, is cut off: {} bytes unread", oldest.id,
                           oldest.console->buffered_bytes()));
    oldest.console->count_unread();
    last_readers_of_.pop_front();
  }
}

void Xenctld::forget_last_readers() {
  last_reader_timer_ = 0;
  std::erase_if(last_readers_of_, [](const auto& domain) {
    if (domain->console->has_reader()) return false;
    domain->console->count_unread();
    return true;
  });
}

}  // namespace ringside::dom0
