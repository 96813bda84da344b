// xcs: the calls of control connections. Each is one frame, answered by the same frame with a result and the
// requested values.
#include <cerrno>
#include <utility>

#include "emu/dom0/xcs/xcs.h"

namespace ringside::dom0 {

using trace::actor;
using trace::Role;

namespace {

bool is_port(std::int32_t port) {
  return port >= 0 && static_cast<ring::Port>(port) < ring::ports_per_domain;
}

}  // namespace

bool Xcs::makes_hypercalls(std::uint32_t type) {
  return type == XCS_VIRQ_BIND || type == XCS_CIF_NEW_CC || type == XCS_CIF_FREE_CC;
}

void Xcs::take_call(Connection& connection, const XcsMessage& frame) {
  XcsMessage reply = frame;
  reply.result = XCS_RSLT_OK;
  switch (frame.type) {
    case XCS_CONNECT_CTRL:
      call_connect_control(connection, reply);
      break;
    case XCS_CONNECT_DATA:
      call_connect_data(connection, reply);
      break;
    case XCS_CONNECT_BYE:
      if (connection.side != Side::unknown) break;
      // No reply: the closed connection is the answer.
      connection.gone = any_gone_ = true;
      return;
    case XCS_MSG_BIND:
    case XCS_MSG_UNBIND:
    case XCS_VIRQ_BIND:
    case XCS_CIF_NEW_CC:
    case XCS_CIF_FREE_CC:
    case XCS_NUMBERS:
      if (connection.session == nullptr) {
        reply.result = XCS_RSLT_NOSESSION;
      } else if (frame.type == XCS_MSG_BIND) {
        call_bind(*connection.session, reply);
      } else if (frame.type == XCS_MSG_UNBIND) {
        call_unbind(*connection.session, reply);
      } else if (frame.type == XCS_VIRQ_BIND) {
        call_virq_bind(*connection.session, reply);
      } else if (frame.type == XCS_CIF_NEW_CC) {
        call_new_channel(reply);
      } else if (frame.type == XCS_CIF_FREE_CC) {
        call_free_channel(reply);
      } else {
        connection.session->numbers = true;
        reply.u.connect.session_id = options_.answer == Answer::xcs ? xcs_numbers_early : xcs_numbers_kept;
      }
      break;
    default:
      // The client chooses the type. A frame of a type without a meaning here is returned unchanged, with its
      // result.
      reply.result = connection.session == nullptr ? XCS_RSLT_NOSESSION : frame.result;
      break;
  }
  const bool refused = reply.result != XCS_RSLT_OK;
  if (connection.side == Side::unknown && refused && quirk(Quirk::xcs_connect_once)) {
    connection.forgotten = true;
  }
  if (refused) {
    refuse(counters_.refused_calls, trace::Counter::refused_calls, about_frame(frame).domain, connection,
           trace::Refusal::call, {frame.type, reply.result});
  }
  push_reply(connection, reply);
}

void Xcs::call_connect_control(Connection& connection, XcsMessage& reply) {
  if (connection.side != Side::unknown) {
    reply.result = XCS_RSLT_ARECONNECTED;
    return;
  }
  const auto connected = sessions_.connect_control(reply.u.connect.session_id, connection.number);
  reply.result = connected.result;
  if (connected.session == nullptr) return;
  connection.side = Side::control;
  connection.session = connected.session;
  reply.u.connect.session_id = connected.session->id;
}

void Xcs::call_connect_data(Connection& connection, XcsMessage& reply) {
  if (connection.side != Side::unknown) {
    reply.result = XCS_RSLT_ARECONNECTED;
    return;
  }
  const auto connected = sessions_.connect_data(reply.u.connect.session_id, connection.number);
  reply.result = connected.result;
  if (connected.session == nullptr) return;
  connection.side = Side::data;
  connection.session = connected.session;
  offer_unanswered(*connection.session);
}

void Xcs::call_bind(XcsSession& session, XcsMessage& reply) {
  const XcsBind bind = reply.u.bind;
  if (!XcsBindings::valid(bind.port, bind.type)) {
    reply.result = XCS_RSLT_BADREQUEST;
    return;
  }
  // A guest that died may have sent its last messages without an event. A client that binds must have all of
  // them by the time of the reply.
  for (DomainId domain = 0; domain < lines_.size(); ++domain) {
    const Channel* channel = lines_[domain].channel.get();
    const bool is_bound = channel != nullptr && static_cast<std::int32_t>(channel->local_port()) == bind.port;
    if (is_bound && may_look(*channel)) look_at(domain);
  }
  if (options_.quirks.has(Quirk::xcs_bind_collision) &&
      sessions_.bindings().same_hash(session, bind.port, bind.type)) {
    quirk(Quirk::xcs_bind_collision);
    return;
  }
  switch (sessions_.bindings().add(session, bind.port, bind.type)) {
    case XcsBindings::Added::added:
      return offer_unanswered(session, bind.port, bind.type);
    case XcsBindings::Added::there_already:
      return;
    case XcsBindings::Added::limit:
      break;
  }
  reply.result = XCS_RSLT_FAILED;
  explain(0,
          {ENOSPC, "xcs cannot bind", "",
           fmt::format("{} bindings exist (xcs_bindings_max)", xcs_bindings_max), ""},
          trace::Refusal::bindings_full);
}

void Xcs::call_unbind(XcsSession& session, XcsMessage& reply) {
  const XcsBind bind = reply.u.bind;
  if (XcsBindings::valid(bind.port, bind.type)) {
    XcsBindings::Place place{bind.port, bind.type};
    if (options_.quirks.has(Quirk::xcs_bind_collision)) {
      place = sessions_.bindings().same_hash(session, bind.port, bind.type).value_or(place);
    }
    sessions_.bindings().remove(session, place.port, place.type);
  } else {
    reply.result = XCS_RSLT_BADREQUEST;
  }
}

void Xcs::call_virq_bind(XcsSession& session, XcsMessage& reply) {
  const auto port = privcmd_.evtchn_bind_virq(reply.u.virq.virq);
  reply.result = XCS_RSLT_FAILED;
  if (!port) return explain(0, port.error());
  const ring::Port bound = port.value();
  if (bound == any_port || bound >= ring::ports_per_domain) return;
  const auto key = static_cast<std::int32_t>(bound);
  const bool collides = options_.quirks.has(Quirk::xcs_bind_collision) &&
                        sessions_.bindings().same_hash(session, key, xcs_type_virq);
  if (collides) quirk(Quirk::xcs_bind_collision);
  const auto added =
      collides ? XcsBindings::Added::there_already : sessions_.bindings().add(session, key, xcs_type_virq);
  if (added == XcsBindings::Added::limit) return;
  if (virq_ports_.insert(bound).second) {
    if (auto done = events_->bind(bound, EventDevice::Wake::device, 0); !done) {
      virq_ports_.erase(bound);
      sessions_.bindings().remove(session, static_cast<std::int32_t>(bound), xcs_type_virq);
      return explain(0, done.error());
    }
  } else {
    // It was raised while no client was bound, and waits: see pass_virq.
    events_->write(static_cast<std::uint16_t>(bound));
  }
  reply.result = XCS_RSLT_OK;
  reply.u.virq.port = static_cast<std::int32_t>(bound);
}

void Xcs::call_new_channel(XcsMessage& reply) {
  XcsInterface& interface = reply.u.interface;
  if (interface.local_port == xcs_port_wildcard && options_.quirks.has(Quirk::xcs_wild_port)) {
    return crash(Quirk::xcs_wild_port, 11, "the wildcard as a local port");
  }
  if (!is_port(interface.local_port) || !is_port(interface.remote_port)) {
    reply.result = XCS_RSLT_BADREQUEST;
    return;
  }
  const DomainId domain = interface.dom;
  reply.result = XCS_RSLT_FAILED;
  if (domain > domain_id_max) return;
  Line* line = line_of(domain);
  // The domain that had the channel may have ended, and its id may now belong to another one.
  if (line != nullptr && !line->channel->still_bound()) {
    close_line(domain);
    line = nullptr;
  }
  if (line == nullptr) {
    auto opened = open_line(domain, static_cast<ring::Port>(interface.local_port),
                            static_cast<ring::Port>(interface.remote_port));
    if (!opened) {
      if (opened.error().code == ESRCH && interface.local_port != 0 && quirk(Quirk::xcs_wild_port, domain)) {
        static_cast<void>(
            privcmd_.evtchn_close(DOMID_SELF, static_cast<ring::Port>(interface.local_port)).ok());
      }
      return explain(domain, opened.error());
    }
    line = line_of(domain);
  }
  ++line->references;
  reply.result = XCS_RSLT_OK;
  interface.local_port = static_cast<std::int32_t>(line->channel->local_port());
  interface.remote_port = static_cast<std::int32_t>(line->channel->remote_port());
}

void Xcs::call_free_channel(XcsMessage& reply) {
  const DomainId domain = reply.u.interface.dom;
  Line* line = line_of(domain);
  if (line == nullptr && domain <= domain_id_max && quirk(Quirk::xcs_stale_bindings, domain)) {
    if (!open_line(domain, any_port, any_port)) return;
    line = line_of(domain);
    line->references = 1;
  }
  if (line == nullptr) {
    reply.result = XCS_RSLT_FAILED;
    return;
  }
  --line->references;
  // A client that died has not released its references. Without the domain they are useless.
  if (line->references == 0 || !line->channel->still_bound()) close_line(domain);
}

Result<> Xcs::open_line(DomainId domain, ring::Port local, ring::Port remote) {
  Line& line = lines_[domain];
  Channel::Events owner{
      .request =
          [this, &line](const Channel::UnansweredRequest& owed) {
            ++line.taken;
            pass_up(request_frame(*line.channel, owed));
          },
      .response = [this, &line](const ring::ControlMessage& message,
                                std::uint32_t tag) { pass_up(response_frame(*line.channel, message, tag)); },
      .room = [this] { room_made_ = true; },
      .turned = [this, domain] { turned(domain); },
      .has_taker = [this,
                    &line](const Channel::UnansweredRequest& owed) { return has_taker(*line.channel, owed); },
  };
  // dom0's console does not use the ring.
  const bool early = options_.answer == Answer::xcs && domain != 0;
  auto opened = Channel::open(host_, journal_, privcmd_, *events_,
                              {.domain = domain,
                               .local_port = local,
                               .remote_port = remote,
                               .quirks = options_.quirks,
                               .early_directory = early ? options_.directory : ""},
                              counters_.channels, std::move(owner));
  if (!opened) return opened.error();
  line = {.channel = std::move(opened).value()};
  if (!line.channel->in_ring().empty() && quirk(Quirk::xcs_restart_deadlock, domain)) {
    while (!line.channel->in_ring().empty()) line.channel->abandon(line.channel->in_ring()[0].index);
  }
  for (const Channel::UnansweredRequest& owed : line.channel->unanswered())
    pass_up(request_frame(*line.channel, owed));
  look_at(domain);
  return Done{};
}

void Xcs::close_line(DomainId domain) {
  Line& line = lines_[domain];
  if (!quirk(Quirk::xcs_stale_bindings, domain)) {
    sessions_.bindings().remove_port(line.channel->local_port());
  }
  line.channel->close_port();
  line = {};
  // Clients that waited for its room need not wait any more.
  room_made_ = true;
}

/// The reply carries only a number; the log gets the reason.
void Xcs::explain(DomainId domain, const Error& error, trace::Refusal why) {
  journal_.refused(domain, journal_.self(), why, {static_cast<std::uint32_t>(error.code)}, error.text());
  say(error.text());
}

}  // namespace ringside::dom0
