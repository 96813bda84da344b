// What reaches xend: frames from xcs, requests from programs, the end of either. What becomes of domains is
// xend_domains.cc.
#include "emu/dom0/xend/xend.h"

#include <cerrno>
#include <utility>

namespace ringside::dom0 {

Xend::Xend(Host& host, trace::Journal journal, Privcmd privcmd, XendOptions options)
    : host_(host),
      journal_(journal),
      privcmd_(std::move(privcmd)),
      lives_(host, privcmd_, [this](const Error& error) { hypervisor_gone(error); }),
      options_(std::move(options)),
      server_(host, [this](Client client, std::string_view line) { take_request(client, line); }),
      link_(host, journal, options_.xcs_socket, VIRQ_DOM_EXC,
            {.frame = [this](const XcsMessage& frame) { take_frame(frame); },
             .pause = [this] { batch_done(); },
             .room = [this] { wire_ready(); },
             .virq = [this] { check_due_ = true; },
             .up = [this] { link_up(); },
             .down = [this] { link_down(); }}),
      domains_(domain_id_max + 1),
      schedule_(options_.seed) {
  // Numbers would put right what it does wrong.
  if (options_.quirks.has(Quirk::xend_reorder)) link_.do_without_numbers();
}

Xend::~Xend() {
  if (viewer_timer_ != 0) host_.timer_cancel(viewer_timer_);
}

Result<> Xend::start(std::function<void()> ready) {
  ready_ = std::move(ready);
  if (auto listening = server_.listen(options_.management_socket); !listening) return listening;
  if (auto linked = link_.start(); !linked) return linked;
  lives_.watch_hypervisor();
  return Done{};
}

// -- xcs

void Xend::link_up() {
  journal_.told(0, "session with xcs");
  privcmd_.when_answered([this] {
    if (link_.up()) open_channels();
  });
}

void Xend::open_channels() {
  if (ready_) adopt_domains();
  for (auto& domain : domains_) {
    if (domain != nullptr && domain->link == Link::none && !domain->suspended)
      open_channel(*domain, domain->local_port);
  }
  // Whoever ended meanwhile was announced to nobody.
  check_all();
  if (const auto ready = std::exchange(ready_, nullptr)) ready();
}

void Xend::link_down() {
  journal_.told(0, "session with xcs lost");
  ++sessions_lost_;
  for (auto& slot : domains_) {
    if (slot == nullptr) continue;
    Domain& domain = *slot;
    domain.link = Link::none;
    domain.console->channel_lost();
    domain.control->fail("xcs is gone: nobody knows whether the guest was asked");
    suspend_failed(domain, "xcs is gone: nobody knows whether the guest was asked");
    // What an ended guest said last is still in its ring, for the next xcs.
    domain.ending = domain.mark_due = false;
    if (domain.creator != 0) channel_failed(domain, "xcs is gone");
  }
  // An xcs that has lost its hypervisor leaves too, and then it is the better news to tell.
  privcmd_.when_answered([this] { (void)lives_.look_up(0).ok(); });
}

void Xend::take_frame(const XcsMessage& frame) {
  const auto refuse = [&](std::string_view why) {
    journal_.refused(frame.u.control.remote_dom, trace::actor(trace::Role::xcs), why);
  };
  if (frame.type != XCS_REQUEST && frame.type != XCS_RESPONSE && frame.type != XCS_MARK)
    return refuse("a frame of another type");
  Domain* domain = find(frame.u.control.remote_dom);
  if (domain == nullptr) return refuse("a frame of a domain without a console");
  if (frame.u.control.local_port != static_cast<std::int32_t>(domain->local_port))
    return refuse("a frame of another port");
  if (frame.type == XCS_MARK) return end_when_answered(domain->id);
  const ring::ControlMessage& message = frame.u.control.msg;
  if (frame.type == XCS_REQUEST && options_.quirks.has(Quirk::xend_reorder)) {
    threads_.push_back(frame);
  } else if (frame.type == XCS_REQUEST) {
    domain->console->guest_request(message, frame.result);
  } else if (message.type != ring::CMSG_CONSOLE) {
    domain->control->take_answer(message);
  } else if (message.subtype == ring::CMSG_CONSOLE_DATA && message.id == 0) {
    domain->console->guest_response(frame.result);
  }
  if (!std::exchange(domain->unsettled, true)) unsettled_.push_back(domain->id);
}

/// Whichever thread the scheduler takes first. (Not std::shuffle, which is another one in every library.)
void Xend::run_threads() {
  for (std::size_t at = 0; at + 1 < threads_.size(); ++at) {
    std::swap(threads_[at], threads_[at + schedule_() % (threads_.size() - at)]);
  }
  for (const XcsMessage& frame : threads_) {
    const DomainId id = frame.u.control.remote_dom;
    if (threads_.size() > 1) journal_.quirk(id, Quirk::xend_reorder);
    if (Domain* domain = find(id)) domain->console->guest_request(frame.u.control.msg, frame.result);
  }
  threads_.clear();
}

void Xend::batch_done() {
  run_threads();
  for (const DomainId id : unsettled_) {
    Domain* domain = find(id);
    if (domain == nullptr) continue;
    domain->unsettled = false;
    domain->console->settle();
  }
  unsettled_.clear();
  if (std::exchange(check_due_, false)) privcmd_.when_answered([this] { check_all(); });
}

void Xend::withhold_answers(bool withhold) {
  answers_withheld_ = withhold;
  for (auto& domain : domains_) {
    if (domain != nullptr) domain->console->withhold_answers(withhold);
  }
}

void Xend::wire_ready() {
  for (auto& domain : domains_) {
    if (domain == nullptr) continue;
    domain->console->channel_ready();
    domain->control->send();
    if (domain->mark_due) ask_for_the_rest(*domain);
  }
}

// -- requests

void Xend::take_request(Client client, std::string_view line) {
  auto request = parse_dom0_request(line);
  if (!request) return server_.answer(client, "error " + request.error().why);
  switch (request->verb) {
    case Dom0Request::Verb::consoles:
      return ask_consoles(client);
    case Dom0Request::Verb::console:
      return privcmd_.when_answered([this, client, id = request->domain] { ask_console(client, id); });
    case Dom0Request::Verb::resume:
      return privcmd_.when_answered([this, client, id = request->domain] { ask_resume(client, id); });
    case Dom0Request::Verb::attach:
    case Dom0Request::Verb::detach:
      return server_.answer(client,
                            "error this machine runs xcs and xend; files are attached under xenctld "
                            "(ringside up --dom0 xenctld)");
    case Dom0Request::Verb::shutdown:
    case Dom0Request::Verb::sysrq:
    case Dom0Request::Verb::balloon:
    case Dom0Request::Verb::suspend:
    case Dom0Request::Verb::forget:
    case Dom0Request::Verb::take:
      break;
  }
  Domain* domain = find(request->domain);
  if (domain == nullptr) {
    return server_.answer(client, fmt::format("error domain {} has no console here", request->domain));
  }
  if (request->verb == Dom0Request::Verb::suspend) {
    ask_suspend(client, *domain, request->message);
  } else if (request->verb == Dom0Request::Verb::take) {
    domain->console->send_away();
    server_.answer(client, "ok");
  } else if (request->verb != Dom0Request::Verb::forget) {
    ask_control(client, *domain, request->message);
  } else if (domain->link == Link::opening) {
    server_.answer(client, fmt::format("error the console of domain {} is being opened", domain->id));
  } else {
    domain->console->store().give_up();
    remove(*domain);
    server_.answer(client, "ok");
  }
  link_.flush();
}

void Xend::ask_console(Client client, DomainId id) {
  Domain* known = find(id);
  // Ids come round again: this may be the news that the domain it was for is gone.
  if (known != nullptr) check(*known);
  known = find(id);
  if (known != nullptr && known->ending) {
    return server_.answer(client, fmt::format("error the console of domain {} is being closed", id));
  }
  if (known != nullptr) {
    if (known->creator == 0 && known->link == Link::open) {
      return server_.answer(client, opened_answer(*known));
    }
    return server_.answer(
        client, fmt::format("error {} {} is {}", known->suspended ? "domain" : "the console of domain", id,
                            known->suspended ? "suspended" : "being opened"));
  }
  if (!link_.up()) return server_.answer(client, "error xcs is gone: try again when it is back");
  auto domain = make_domain(id);
  if (!domain) return server_.answer(client, "error " + domain.error().text());
  (*domain)->creator = client;
  open_channel(**domain, any_port);
}

std::string Xend::opened_answer(const Domain& domain) {
  const XendConsole& console = *domain.console;
  return fmt::format("ok {} {} {} {}", domain.guest_port, console.tcp_port(), console.telnet_port(),
                     console.path());
}

void Xend::ask_consoles(Client client) {
  std::string lines;
  int count = 0;
  for (const auto& domain : domains_) {
    if (domain == nullptr) continue;
    const XendConsole& console = *domain->console;
    lines += fmt::format("\n{} {} {} {} {} {} {}", domain->id, console.tcp_port(), console.telnet_port(),
                         console.status_name(), console.buffered_bytes(), console.discarded_bytes(),
                         console.path());
    ++count;
  }
  server_.answer(client, fmt::format("ok {}{}", count, lines));
}

void Xend::ask_control(Client client, Domain& domain, ring::ControlMessage message) {
  if (domain.ended || domain.ending) {
    return server_.answer(client, fmt::format("error domain {} has ended", domain.id));
  }
  if (domain.suspended) {
    return server_.answer(client, fmt::format("error domain {} is suspended", domain.id));
  }
  domain.control->ask(client, message);
}

bool Xend::send_control(const Domain& domain, const ring::ControlMessage& message) {
  if (domain.link != Link::open || !link_.has_room()) return false;
  link_.send(control_message(XCS_REQUEST, domain.id, domain.local_port, message));
  return true;
}

// -- the hypervisor

void Xend::hypervisor_gone(const Error& error) {
  host_.warn(error.text() + "; xend ends, and with it every console");
  host_.stop(3);
}

}  // namespace ringside::dom0
