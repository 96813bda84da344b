// The frames from xcs, and how xend opens and closes the channels that xcs owns.
//
// Opening: listeners, CIF_NEW_CC, MSG_BIND, then the guest's port in its start info. In this order the guest
// cannot send before xend can answer. Ending: first a round trip through xcs, because the report of the end
// may overtake the last output.
#include "emu/dom0/xend/xend.h"

#include <cerrno>
#include <memory>
#include <utility>

#include "emu/dom0/xend/xend_console.h"

namespace ringside::dom0 {

Xend::Xend(Host& host, trace::Journal journal, Privcmd privcmd, XendOptions options)
    : ConsoleDaemon(host, journal, std::move(privcmd),
                    {.name = "xend",
                     .reader = "viewer",
                     .management_socket = options.management_socket,
                     .console_directory = options.console_directory,
                     .store_shape = {.output_bytes_max = console_output_bytes_max}}),
      options_(std::move(options)),
      link_(host, journal, options_.xcs_socket, VIRQ_DOM_EXC,
            {.frame = [this](const XcsMessage& frame) { take_frame(frame); },
             .pause = [this] { batch_done(); },
             .room = [this] { wire_ready(); },
             .virq = [this] { check_due_ = true; },
             .up = [this] { link_up(); },
             .down = [this] { link_down(); }}),
      schedule_(options_.seed) {
  // Numbers would correct this quirk's error.
  if (options_.quirks.has(Quirk::xend_reorder)) link_.disable_numbers();
}

Result<> Xend::start(std::function<void()> ready) {
  ready_ = std::move(ready);
  if (auto listening = listen(); !listening) return listening;
  if (auto linked = link_.start(); !linked) return linked;
  lives_.watch_hypervisor();
  return Done{};
}

// -- xcs

void Xend::link_up() {
  journal_.told(0, trace::Fact::session_up);
  privcmd_.when_answered([this] {
    if (link_.up()) serve_domains();
  });
}

void Xend::serve_domains() {
  if (ready_) {
    if (auto adopted = adopt_domains(); !adopted) return lives_.hypervisor_failed(adopted.error());
  }
  open_channels();
  // Domains may have ended meanwhile without a report to xend.
  check_all();
  if (const auto ready = std::exchange(ready_, nullptr)) ready();
}

void Xend::link_down() {
  journal_.told(0, trace::Fact::session_lost);
  ++sessions_lost_;
  marks_due_.clear();
  for (auto& domain : domains_) {
    if (domain != nullptr) channel_lost(*domain, "xcs is gone");
  }
  // An xcs that has lost its hypervisor ends too, and then the hypervisor's end is the better error to
  // report.
  privcmd_.when_answered([this] { (void)lives_.look_up(0).ok(); });
}

void Xend::take_frame(const XcsMessage& frame) {
  const auto refuse = [&](trace::Refusal why) {
    journal_.refused(frame.u.control.remote_dom, trace::actor(trace::Role::xcs), why);
  };
  if (frame.type != XCS_REQUEST && frame.type != XCS_RESPONSE && frame.type != XCS_MARK)
    return refuse(trace::Refusal::frame_type);
  Domain* domain = find(frame.u.control.remote_dom);
  if (domain == nullptr) return refuse(trace::Refusal::frame_domain);
  if (frame.u.control.local_port != static_cast<std::int32_t>(domain->local_port))
    return refuse(trace::Refusal::frame_port);
  if (frame.type == XCS_MARK) return last_output_came(domain->id);
  const ring::ControlMessage& message = frame.u.control.msg;
  if (frame.type == XCS_REQUEST && options_.quirks.has(Quirk::xend_reorder)) {
    threads_.push_back(frame);
  } else if (frame.type == XCS_REQUEST) {
    domain->console->guest_request(message, frame.result);
  } else {
    take_response(*domain, message, frame.result);
  }
  if (!std::exchange(domain->unsettled, true)) unsettled_.push_back(domain->id);
}

/// Runs the threads in a random order. (Not by std::shuffle, which differs between libraries.)
void Xend::run_threads() {
  for (std::size_t at = 0; at + 1 < threads_.size(); ++at) {
    std::swap(threads_[at], threads_[at + schedule_() % (threads_.size() - at)]);
  }
  for (const XcsMessage& frame : threads_) {
    const DomainId id = frame.u.control.remote_dom;
    if (threads_.size() > 1) journal_.quirk(id, Quirk::xend_reorder, frame.result);
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

void Xend::wire_ready() {
  for (auto& domain : domains_) {
    if (domain == nullptr) continue;
    domain->console->channel_ready();
    domain->control->send();
  }
  for (const DomainId id : std::exchange(marks_due_, {})) {
    if (Domain* domain = find(id); domain != nullptr && domain->ending) take_last_output(*domain);
  }
}

// -- consoles

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
          .reader_left = {},
          .answer = [this] { return link_.answer(); }};
}

Result<> Xend::make_console(Domain& domain, ConsoleStore store) {
  const DomainId id = domain.id;
  const std::uint32_t port = options_.console_port_base == 0 ? 0 : options_.console_port_base + id;
  // A console that was taken over has its port already.
  if (port > 65'535 && store.port() == 0) {
    return Error{EINVAL, "no console", fmt::format("domain {}", id),
                 fmt::format("its TCP port would be {}", port), "choose a lower --console-port-base, or 0"};
  }
  auto window = [this, id](std::uint16_t rows, std::uint16_t columns) {
    privcmd_.when_answered([this, id, rows, columns] {
      // A guest that is just ending refuses; no data is lost by that.
      (void)privcmd_.window_set(id, rows, columns);
    });
  };
  auto console = std::make_unique<XendConsole>(
      host_, journal_, id, std::move(store), domain.guest,
      XendViewers{.unlimited = options_.quirks.has(Quirk::xend_no_input_limit), .window = std::move(window)});
  auto listening = console->listen(static_cast<std::uint16_t>(port), options_.console_directory);
  domain.console = std::move(console);
  return listening;
}

// -- channels

std::string_view Xend::cannot_open() const {
  return link_.up() ? "" : "xcs is gone: try again when it is back";
}

void Xend::open_channel(Domain& domain) {
  link_.call(interface_message(XCS_CIF_NEW_CC, domain.id, domain.local_port, domain.guest_port),
             [this, id = domain.id](const XcsMessage& reply) {
               Domain* opening = find(id);
               RS_CHECK(opening != nullptr && opening->link == Link::opening);
               const auto local = static_cast<ring::Port>(reply.u.interface.local_port);
               const auto remote = static_cast<ring::Port>(reply.u.interface.remote_port);
               if (reply.result != XCS_RSLT_OK) {
                 // The previous port may have another use by now.
                 if (std::exchange(opening->local_port, any_port) != any_port) return open_channel(*opening);
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

void Xend::close_channel(Domain& domain, const std::function<void()>& closed) {
  const auto port = static_cast<std::int32_t>(domain.local_port);
  link_.call(bind_message(XCS_MSG_UNBIND, port, xcs_type_wildcard), nullptr);
  link_.call(interface_message(XCS_CIF_FREE_CC, domain.id, domain.local_port, domain.guest_port),
             [closed](const XcsMessage&) { closed(); });
}

/// xcs may still have a channel that a dead xend opened. No other client would free it.
void Xend::free_channel(DomainId id) {
  link_.call(interface_message(XCS_CIF_FREE_CC, id, any_port, any_port), nullptr);
}

/// xcs returns the mark, or answers the call, after it has sent all output of the guest.
void Xend::take_last_output(Domain& domain) {
  if (link_.numbers()) {
    if (!link_.has_room()) return marks_due_.push_back(domain.id);
    link_.send(control_message(XCS_MARK, domain.id, domain.local_port, {}));
    return link_.flush();
  }
  // A call that changes nothing; a switch without marks offers no better way.
  const auto port = static_cast<std::int32_t>(domain.local_port);
  link_.call(bind_message(XCS_MSG_BIND, port, xcs_type_wildcard), [this, id = domain.id](const XcsMessage&) {
    link_.poll();
    last_output_came(id);
  });
}

}  // namespace ringside::dom0
