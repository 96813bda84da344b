// How xend comes by a domain's channel, and what it does when the domain ends.
//
// Opening: listeners, CIF_NEW_CC, MSG_BIND, and the guest's port into its start info, in this order, so that
// the guest cannot say anything before somebody is there to answer. Ending: first one round trip through xcs,
// since the news of the end may overtake the last output; then the viewer is shown the rest, and what was
// opened is closed.
#include <cerrno>
#include <utility>

#include "emu/dom0/xend/xend.h"

namespace ringside::dom0 {

namespace {

constexpr ConsoleStore::Shape store_shape{.output_bytes_max = console_output_bytes_max};

}  // namespace

Xend::Domain* Xend::find(DomainId id) {
  return id < domains_.size() ? domains_[id].get() : nullptr;
}

// -- the beginning

Result<Xend::Domain*> Xend::make_domain(DomainId id) {
  auto info = lives_.look_up_living(id);
  if (!info) return info.error();
  const std::uint32_t port = options_.console_port_base == 0 ? 0 : options_.console_port_base + id;
  if (port > 65'535) {
    return Error{EINVAL, "no console", fmt::format("domain {}", id),
                 fmt::format("its TCP port would be {}", port), "choose a lower --console-port-base, or 0"};
  }
  auto store = ConsoleStore::make(host_, store_path(id), store_shape, info->shared_info_frame);
  if (!store) return store.error();
  return add_domain(*info, std::move(*store));
}

std::string Xend::store_path(DomainId id) const {
  return fmt::format("{}/console-{}.kept", options_.console_directory, id);
}

Result<Xend::Domain*> Xend::add_domain(const DomainInfo& info, ConsoleStore store) {
  const DomainId id = info.domain;
  auto domain = std::make_unique<Domain>(host_, server_);
  domain->id = id;
  domain->frame = info.shared_info_frame;
  domain->control = std::make_unique<ControlCalls>(
      host_, server_, control_ids_, id, [this, made = domain.get()](const ring::ControlMessage& message) {
        return send_control(*made, message);
      });
  domain->console =
      std::make_unique<XendConsole>(host_, journal_, id, std::move(store), guest_of(*domain), viewers_of(id));
  if (answers_withheld_) domain->console->withhold_answers(true);
  const std::uint32_t port = options_.console_port_base == 0 ? 0 : options_.console_port_base + id;
  auto listening = domain->console->listen(static_cast<std::uint16_t>(port), options_.console_directory);
  if (!listening) return listening.error();
  domains_[id] = std::move(domain);
  return domains_[id].get();
}

/// The domains whose consoles an earlier xend had. Whatever happened to them meanwhile is found out when
/// their channels are open.
void Xend::adopt_domains() {
  auto all = privcmd_.domains();
  if (!all) return lives_.hypervisor_failed(all.error());
  for (const DomainInfo& info : *all) {
    // One without a port and without a process is being built, by somebody who hears that xend has died. With
    // a process it was being resumed: it has left its sleep, and has no channel yet. Whoever asked asks
    // again.
    const bool half_awake = info.console_port == any_port && info.process != 0;
    const bool asleep = info.suspended() || half_awake;
    if ((info.console_port == any_port && !asleep) || find(info.domain) != nullptr) continue;
    auto store = ConsoleStore::find(host_, store_path(info.domain), store_shape, info.shared_info_frame);
    if (!store) continue;
    auto added = add_domain(info, std::move(*store));
    if (!added) {
      host_.warn(added.error().text());
      continue;
    }
    // A suspended one has no channel until it is resumed.
    (*added)->suspended = (*added)->may_have_channel = asleep;
    (*added)->console->hold_input(asleep);
    if (!asleep) (*added)->guest_port = info.console_port;
    journal_.told(info.domain, "console taken up from an earlier xend");
  }
  ConsoleStore::bury_gone(
      host_, journal_, *all, store_shape, [this](DomainId id) { return store_path(id); },
      [this](DomainId id) { free_channel_of_earlier(id); });
}

/// The xend that had the channel is dead. If xcs has it still, no one else would free it.
void Xend::free_channel_of_earlier(DomainId id) {
  link_.call(interface_message(XCS_CIF_FREE_CC, id, any_port, any_port), nullptr);
}

ConsoleGuest Xend::guest_of(Domain& domain) {
  const auto send = [this, &domain](XcsType type, const ring::ControlMessage& message, std::uint32_t number) {
    XcsMessage frame = control_message(type, domain.id, domain.local_port, message);
    if (link_.numbers()) frame.result = number;
    link_.send(frame);
  };
  return {.has_room = [this, &domain] { return domain.link == Link::open && link_.has_room(); },
          .numbers = [this] { return link_.numbers(); },
          .send =
              [send](const ring::ControlMessage& message, std::uint32_t tag) {
                send(XCS_REQUEST, message, tag);
                return ConsoleGuest::Sent::taken;
              },
          .respond = [send](const ring::ControlMessage& message,
                            std::uint32_t number) { send(XCS_RESPONSE, message, number); },
          .flush = [this] { link_.flush(); },
          .reader_left =
              [this] {
                // From a timer: the console is in the middle of something.
                if (last_viewers_of_.empty() || viewer_timer_ != 0) return;
                viewer_timer_ = host_.timer_start(Duration::zero(), [this] { forget_last_viewers(); });
              }};
}

XendViewers Xend::viewers_of(DomainId id) {
  return {.unlimited = options_.quirks.has(Quirk::xend_no_input_limit),
          .window = [this, id](std::uint16_t rows, std::uint16_t columns) {
            privcmd_.when_answered([this, id, rows, columns] {
              // A guest that is just ending refuses; nothing is lost by that.
              (void)privcmd_.window_set(id, rows, columns);
            });
          }};
}

void Xend::open_channel(Domain& domain, ring::Port local_port) {
  domain.link = Link::opening;
  link_.call(interface_message(XCS_CIF_NEW_CC, domain.id, local_port, domain.guest_port),
             [this, id = domain.id, local_port](const XcsMessage& reply) {
               Domain* opening = find(id);
               RS_CHECK(opening != nullptr && opening->link == Link::opening);
               const auto local = static_cast<ring::Port>(reply.u.interface.local_port);
               const auto remote = static_cast<ring::Port>(reply.u.interface.remote_port);
               if (reply.result != XCS_RSLT_OK) {
                 // The port of before may have another use by now.
                 if (local_port != any_port) return open_channel(*opening, any_port);
                 return channel_failed(*opening,
                                       fmt::format("xcs cannot open its channel (result {})", reply.result));
               }
               if (opening->guest_port != any_port && opening->guest_port != remote) {
                 link_.call(interface_message(XCS_CIF_FREE_CC, id, local, remote), nullptr);
                 return channel_failed(*opening,
                                       fmt::format("xcs opened its channel on port {} instead of {}", remote,
                                                   opening->guest_port));
               }
               opening->local_port = local;
               opening->guest_port = remote;
               bind_channel(*opening);
             });
}

void Xend::bind_channel(Domain& domain) {
  const auto port = static_cast<std::int32_t>(domain.local_port);
  link_.call(
      bind_message(XCS_MSG_BIND, port, xcs_type_wildcard), [this, id = domain.id](const XcsMessage& reply) {
        Domain* opening = find(id);
        RS_CHECK(opening != nullptr && opening->link == Link::opening);
        if (reply.result == XCS_RSLT_OK) {
          return privcmd_.when_answered([this, id, sessions_lost = sessions_lost_] {
            Domain* bound = find(id);
            if (sessions_lost == sessions_lost_ && bound != nullptr) channel_opened(*bound);
          });
        }
        link_.call(interface_message(XCS_CIF_FREE_CC, id, opening->local_port, opening->guest_port), nullptr);
        channel_failed(*opening,
                       fmt::format("xcs cannot bind port {} (result {})", opening->local_port, reply.result));
      });
}

void Xend::channel_opened(Domain& domain) {
  domain.link = Link::open;
  domain.may_have_channel = false;
  if (domain.creator != 0) {
    const Client creator = std::exchange(domain.creator, 0);
    auto set = privcmd_.domain_set_console_port(domain.id, domain.guest_port);
    if (!set) {
      server_.answer(creator, "error " + set.error().text());
      if (set.error().code == EPIPE) return lives_.hypervisor_failed(set.error());
      return remove(domain);
    }
    domain.suspended = false;
    server_.answer(creator, opened_answer(domain));
  }
  domain.console->hold_input(domain.suspension.is_awaited());
  domain.console->channel_ready();
  domain.control->send();
  // Its end may have been announced while nobody asked after it.
  check(domain);
}

void Xend::channel_failed(Domain& domain, const std::string& why) {
  domain.link = Link::none;
  if (domain.creator != 0) {
    server_.answer(std::exchange(domain.creator, 0),
                   fmt::format("error no console: domain {}: {}", domain.id, why));
    // A sleeping one keeps its viewer: somebody may try again.
    if (domain.suspended) return;
    return remove(domain);
  }
  // It was there before: xcs may have been quicker to learn that it is gone.
  privcmd_.when_answered([this, id = domain.id, why] {
    Domain* failed = find(id);
    if (failed == nullptr) return;
    if (life_of(*failed) == Life::living)
      host_.warn(fmt::format("the console of domain {} is cut off: {}", id, why));
    check(*failed);
  });
}

// -- the end

void Xend::check_all() {
  for (auto& domain : domains_) {
    if (domain != nullptr) check(*domain);
  }
}

void Xend::check(Domain& domain) {
  if (domain.link == Link::opening || domain.ending) return;
  const Life life = life_of(domain);
  if (life == Life::living || life == Life::unknown || (life == Life::kept && domain.ended)) return;
  if (life == Life::suspended && domain.suspended) return;
  domain.ending = true;
  if (domain.link != Link::open) return end(domain);
  ask_for_the_rest(domain);
}

/// Ends the domain when xcs has sent all that the guest had said, and it has come.
void Xend::ask_for_the_rest(Domain& domain) {
  if (link_.numbers()) {
    domain.mark_due = !link_.has_room();
    if (domain.mark_due) return;
    link_.send(control_message(XCS_MARK, domain.id, domain.local_port, {}));
    return link_.flush();
  }
  // A call that changes nothing; as near as a switch without marks comes.
  const auto port = static_cast<std::int32_t>(domain.local_port);
  link_.call(bind_message(XCS_MSG_BIND, port, xcs_type_wildcard), [this, id = domain.id](const XcsMessage&) {
    link_.poll();
    end_when_answered(id);
  });
}

void Xend::end_when_answered(DomainId id) {
  privcmd_.when_answered([this, id] {
    if (Domain* ending = find(id); ending != nullptr && ending->ending) end(*ending);
  });
}

void Xend::end(Domain& domain) {
  domain.ending = false;
  const Life life = life_of(domain);
  switch (life) {
    case Life::living:
    case Life::unknown:
      return;
    case Life::kept:
      if (domain.ended) return;
      domain.ended = true;
      journal_.told(domain.id, "domain ended, kept");
      domain.control->fail(fmt::format("domain {} has ended", domain.id));
      suspend_failed(domain, fmt::format("domain {} has ended", domain.id));
      return domain.console->finish(lives_.crash_notice(domain.id, journal_));
    case Life::suspended:
      return lay_down(domain);
    case Life::finished:
      journal_.told(domain.id, "domain ended");
      lives_.destroy(domain.id);
      return remove(domain);
    case Life::gone:
      journal_.told(domain.id, "domain gone");
      return remove(domain);
  }
}

void Xend::remove(Domain& domain) {
  domain.control->fail(fmt::format("domain {} is gone", domain.id));
  suspend_failed(domain, fmt::format("domain {} is gone", domain.id));
  domain.console->finish();
  domain.console->close();
  if (!domain.console->store().given_up()) host_.memory_forget(store_path(domain.id));
  if (domain.link == Link::open) {
    const auto port = static_cast<std::int32_t>(domain.local_port);
    link_.call(bind_message(XCS_MSG_UNBIND, port, xcs_type_wildcard), nullptr);
    link_.call(interface_message(XCS_CIF_FREE_CC, domain.id, domain.local_port, domain.guest_port), nullptr);
    domain.link = Link::none;
  }
  if (domain.may_have_channel) free_channel_of_earlier(domain.id);
  auto removed = std::move(domains_[domain.id]);
  if (!removed->console->has_viewer()) return removed->console->count_unread();
  last_viewers_of_.push_back(std::move(removed));
  if (last_viewers_of_.size() <= last_viewers_max) return;
  Domain& oldest = *last_viewers_of_.front();
  host_.warn(fmt::format("the viewer of domain {}, which is gone, is cut off: {} bytes unread", oldest.id,
                         oldest.console->buffered_bytes()));
  oldest.console->count_unread();
  last_viewers_of_.pop_front();
}

void Xend::forget_last_viewers() {
  viewer_timer_ = 0;
  std::erase_if(last_viewers_of_, [](const auto& domain) {
    if (domain->console->has_viewer()) return false;
    domain->console->count_unread();
    return true;
  });
}

}  // namespace ringside::dom0
