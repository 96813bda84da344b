// How a domain gets its console and channel, and how it ends.
#include "emu/dom0/console/console_daemon.h"

#include <cerrno>
#include <utility>

namespace ringside::dom0 {

ConsoleDaemon::ConsoleDaemon(Host& host, trace::Journal journal, Privcmd privcmd, Options options)
    : host_(host),
      journal_(journal),
      privcmd_(std::move(privcmd)),
      lives_(host, privcmd_,
             [this](const Error& error) {
               host_.warn(fmt::format("{}; {} ends, and with it every console", error.text(), options_.name));
               host_.stop(3);
             }),
      options_(std::move(options)),
      server_(host, [this](Client client, std::string_view line) { take_request(client, line); }),
      domains_(domain_id_max + 1) {}

ConsoleDaemon::~ConsoleDaemon() {
  if (last_reader_timer_ != 0) host_.timer_cancel(last_reader_timer_);
}

void ConsoleDaemon::withhold_answers(bool withhold) {
  answers_withheld_ = withhold;
  for (auto& domain : domains_) {
    if (domain != nullptr) domain->console->withhold_answers(withhold);
  }
}

// -- the beginning

ConsoleDaemon::Domain* ConsoleDaemon::find(DomainId id) {
  return id < domains_.size() ? domains_[id].get() : nullptr;
}

std::string ConsoleDaemon::store_path(DomainId id) const {
  return options_.console_directory + "/" + ConsoleStore::file_name(id);
}

Result<ConsoleDaemon::Domain*> ConsoleDaemon::make_domain(DomainId id) {
  auto info = lives_.look_up_living(id);
  if (!info) return info.error();
  // An earlier domain of that id may still have a reader and its file under this name.
  for (auto& gone : last_readers_of_) {
    if (gone->id == id) forget_store(*gone);
  }
  auto store = ConsoleStore::make(host_, store_path(id), options_.store_shape, info->shared_info_frame);
  if (!store) return store.error();
  const bool empty = store->output_bytes() == 0;
  auto added = add_domain(*info, std::move(*store));
  if (!added && empty) host_.memory_forget(store_path(id));
  return added;
}

Result<ConsoleDaemon::Domain*> ConsoleDaemon::add_domain(const DomainInfo& info, ConsoleStore store) {
  auto domain = std::make_unique<Domain>(host_, server_);
  domain->id = info.domain;
  domain->frame = info.shared_info_frame;
  domain->guest = guest_of(*domain);
  domain->guest.reader_left = [this] { reader_left(); };
  domain->control = std::make_unique<ControlCalls>(
      host_, server_, control_ids_, info.domain,
      [&guest = domain->guest](const ring::ControlMessage& message) {
        return guest.has_room() && guest.send(message, 0) == ConsoleGuest::Sent::taken;
      });
  if (auto made = make_console(*domain, std::move(store)); !made) return made.error();
  if (answers_withheld_) domain->console->withhold_answers(true);
  domains_[info.domain] = std::move(domain);
  return domains_[info.domain].get();
}

Result<> ConsoleDaemon::adopt_domains() {
  auto all = privcmd_.domains();
  if (!all) return all.error();
  for (const DomainInfo& info : *all) {
    if (info.today()) continue;  // xenconsoled serves its console
    // A domain without a port and without a process is being built, and its builder gets an error. If it has
    // a process or has ended, it was being resumed and has no channel yet. A second request resumes it.
    const bool was_started = info.process != 0 || info.state.shutdown != 0 || info.state.crashed != 0;
    const bool half_resumed = info.console_port == any_port && was_started;
    const bool suspended = info.suspended() || half_resumed;
    if ((info.console_port == any_port && !suspended) || find(info.domain) != nullptr) continue;
    auto store =
        ConsoleStore::find(host_, store_path(info.domain), options_.store_shape, info.shared_info_frame);
    if (!store) continue;
    const trace::Values kept = store->input_kept();
    auto added = add_domain(info, std::move(*store));
    if (!added) {
      host_.warn(added.error().text() + "; it has no console");
      continue;
    }
    (*added)->suspended = (*added)->may_have_channel = suspended;
    if (!suspended) (*added)->guest_port = info.console_port;
    journal_.told(info.domain, trace::Fact::console_adopted, kept);
  }
  ConsoleStore::clean_up_gone(
      host_, journal_, *all, options_.store_shape, options_.console_directory,
      {.elsewhere = [this](DomainId id,
                           const ConsoleStore& store) { return count_output_elsewhere(id, store); },
       .removed = [this](DomainId id) { free_channel(id); }});
  return Done{};
}

void ConsoleDaemon::open_channels() {
  for (auto& domain : domains_) {
    if (domain != nullptr && domain->link == Link::none && !domain->suspended) start_channel(*domain);
  }
}

void ConsoleDaemon::start_channel(Domain& domain) {
  domain.link = Link::opening;
  open_channel(domain);
}

/// The guest cannot send before its port is in its start info. By then the channel is open.
void ConsoleDaemon::channel_opened(Domain& domain) {
  domain.link = Link::open;
  domain.may_have_channel = false;
  if (domain.creator != 0) {
    const Client creator = std::exchange(domain.creator, 0);
    if (auto set = privcmd_.domain_set_console_port(domain.id, domain.guest_port); !set) {
      server_.answer(creator, "error " + set.error().text());
      if (set.error().code == EPIPE) return lives_.hypervisor_failed(set.error());
      if (!domain.suspended) return remove(domain);
      stop_channel(domain, [] {});
      return check(domain);
    }
    if (std::exchange(domain.suspended, false)) journal_.told(domain.id, trace::Fact::console_resumed);
    server_.answer(creator, console_answer(domain));
  }
  domain.console->hold_input(domain.suspension.is_awaited());
  domain.console->channel_ready();
  domain.control->send();
  domain.guest.flush();
  // The domain's end may have been reported before the channel was open.
  check(domain);
}

void ConsoleDaemon::channel_failed(Domain& domain, const std::string& why) {
  domain.link = Link::none;
  if (domain.creator != 0) {
    server_.answer(std::exchange(domain.creator, 0),
                   fmt::format("error no console: domain {}: {}", domain.id, why));
    if (!domain.suspended) return remove(domain);
    // It stays suspended and keeps its reader: a client may try again.
    domain.local_port = domain.guest_port = any_port;
  }
  // xcs may have learnt of the domain's end earlier.
  privcmd_.when_answered([this, id = domain.id, why] {
    Domain* failed = find(id);
    if (failed == nullptr) return;
    if (!failed->suspended && lives_.life_of(id, failed->frame) == Life::living)
      host_.warn(fmt::format("the console of domain {} is cut off: {}", id, why));
    check(*failed);
  });
}

void ConsoleDaemon::channel_lost(Domain& domain, const std::string& why) {
  domain.link = Link::none;
  domain.console->channel_lost();
  fail_requests(domain, why + ": whether the guest got the request is unknown");
  // The last output of an ended guest is still in its ring, for the next channel.
  domain.ending = false;
  if (domain.creator != 0) channel_failed(domain, why);
}

void ConsoleDaemon::take_response(Domain& domain, const ring::ControlMessage& answer, std::uint32_t tag) {
  if (answer.type != ring::CMSG_CONSOLE) return domain.control->take_answer(answer);
  if (answer.subtype != ring::CMSG_CONSOLE_DATA || answer.id != 0) return;
  // With numbers, an answer without one belongs to another client's request.
  if (tag != 0 || !domain.guest.numbers()) domain.console->guest_response(tag);
}

void ConsoleDaemon::stop_channel(Domain& domain, const std::function<void()>& closed) {
  const bool open = std::exchange(domain.link, Link::none) == Link::open;
  if (open) close_channel(domain, closed);
  domain.local_port = domain.guest_port = any_port;
  if (!open) closed();
}

// -- the end

void ConsoleDaemon::check_all() {
  for (auto& domain : domains_) {
    if (domain != nullptr) check(*domain);
  }
}

void ConsoleDaemon::check(Domain& domain) {
  if (domain.link == Link::opening || domain.ending) return;
  const Life life = lives_.life_of(domain.id, domain.frame);
  if (life == Life::living || life == Life::unknown || (life == Life::kept && domain.ended)) return;
  if (life == Life::suspended && domain.suspended) return;
  // The domain's last output is still in its ring, and is read when the channel is open.
  if (life != Life::gone && domain.link == Link::none && !cannot_open().empty()) return;
  domain.ending = true;
  if (domain.link == Link::open) return take_last_output(domain);
  if (life == Life::gone) take_output_elsewhere(domain);
  end(domain);
}

void ConsoleDaemon::last_output_came(DomainId id) {
  privcmd_.when_answered([this, id] {
    if (Domain* ending = find(id); ending != nullptr && ending->ending) end(*ending);
  });
}

void ConsoleDaemon::end(Domain& domain) {
  domain.ending = false;
  const DomainId id = domain.id;
  const Client successor = std::exchange(domain.successor, 0);
  end_as(domain, lives_.life_of(id, domain.frame));
  if (successor == 0) return;
  privcmd_.when_answered([this, successor, id] { ask_console(successor, id); });
}

void ConsoleDaemon::end_as(Domain& domain, Life life) {
  switch (life) {
    case Life::living:
    case Life::unknown:
      return resume_later(domain);
    case Life::kept:
      if (std::exchange(domain.ended, true)) return;
      journal_.told(domain.id, trace::Fact::console_kept);
      fail_requests(domain, fmt::format("domain {} has ended", domain.id));
      return domain.console->finish(lives_.crash_notice(domain.id, journal_));
    case Life::suspended:
      return has_suspended(domain);
    case Life::finished:
      journal_.told(domain.id, trace::Fact::console_ended);
      lives_.destroy(domain.id);
      return remove_gone(domain);
    case Life::gone:
      journal_.told(domain.id, trace::Fact::console_gone);
      return remove_gone(domain);
  }
}

void ConsoleDaemon::has_suspended(Domain& domain) {
  journal_.told(domain.id, trace::Fact::console_suspended);
  domain.suspended = true;
  domain.console->channel_lost();
  domain.control->fail(fmt::format("domain {} is suspended", domain.id));
  stop_channel(domain, [this, id = domain.id] {
    Domain* suspended = find(id);
    if (suspended == nullptr || !suspended->suspended) return;
    server_.answer(suspended->suspension.end(), "ok");
    resume_later(*suspended);
  });
}

void ConsoleDaemon::remove_gone(Domain& domain) {
  const DomainId id = domain.id;
  domain.console->finish();
  forget_output_elsewhere(id);
  remove(domain);
}

void ConsoleDaemon::remove(Domain& domain) {
  fail_requests(domain, fmt::format("domain {} is gone", domain.id));
  domain.console->finish();
  domain.console->close();
  stop_channel(domain, [] {});
  if (domain.may_have_channel) free_channel(domain.id);
  auto removed = std::move(domains_[domain.id]);
  if (!removed->console->has_viewer()) return count_and_forget(*removed);
  last_readers_of_.push_back(std::move(removed));
  if (last_readers_of_.size() <= last_readers_max) return;
  Domain& oldest = *last_readers_of_.front();
  host_.warn(fmt::format("the {} of domain {}, which is gone, is cut off: {} bytes unread", options_.reader,
                         oldest.id, oldest.console->buffered_bytes()));
  count_and_forget(oldest);
  last_readers_of_.pop_front();
}

/// Removed last: if the daemon dies earlier, the next one counts the unread bytes.
void ConsoleDaemon::count_and_forget(Domain& domain) {
  domain.console->count_unread();
  if (!domain.console->store().given_up()) forget_store(domain);
}

void ConsoleDaemon::forget_store(Domain& domain) {
  if (std::exchange(domain.kept, false)) host_.memory_forget(store_path(domain.id));
}

/// Frees the console from a timer, because the caller is the console.
void ConsoleDaemon::reader_left() {
  if (last_readers_of_.empty() || last_reader_timer_ != 0) return;
  last_reader_timer_ = host_.timer_start(Duration::zero(), [this] { forget_last_readers(); });
}

void ConsoleDaemon::forget_last_readers() {
  last_reader_timer_ = 0;
  std::erase_if(last_readers_of_, [this](const auto& domain) {
    if (domain->console->has_viewer()) return false;
    count_and_forget(*domain);
    return true;
  });
}

}  // namespace ringside::dom0
