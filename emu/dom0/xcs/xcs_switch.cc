// xcs: the traffic. From the guests to the bound sessions, and from data connections into the rings.
#include <algorithm>
#include <utility>

#include "emu/dom0/xcs/client.h"
#include "emu/dom0/xcs/xcs.h"

namespace ringside::dom0 {

using trace::actor;
using trace::Role;

// -- from the guests

void Xcs::read_events() {
  std::uint16_t port = 0;
  for (bool more = true; more;) {
    switch (events_->read(port)) {
      case EventDevice::Read::port:
        // A channel has finished its work by now, and has written the port back: see Channel.
        if (virq_ports_.contains(port)) pass_virq(port);
        break;
      case EventDevice::Read::nothing:
        more = false;
        break;
      case EventDevice::Read::overflow:
        count(counters_.event_overflows, trace::Counter::event_overflows);
        events_->reset();
        break;
    }
  }
}

void Xcs::pass_virq(ring::Port port) {
  const XcsMessage frame = virq_message(port);
  bool passed = false;
  sessions_.bindings().for_each(port, xcs_type_virq, [&](XcsSession& session) {
    push(session, frame);
    passed = true;
  });
  // The port is unmasked as soon as it has been read: a client need not confirm it.
  if (passed) return events_->write(static_cast<std::uint16_t>(port));
  // It stays masked and pending: the next client that binds it gets it.
  count(counters_.waiting_virqs, trace::Counter::waiting_virqs);
  events_->raise(port);
}

/// Frames of requests and responses carry a number: see XCS_NUMBERS.
XcsMessage Xcs::request_frame(const Channel& channel, const Channel::UnansweredRequest& owed) {
  XcsMessage frame = control_message(XCS_REQUEST, channel.domain(), channel.local_port(), owed.message);
  frame.result = owed.index;
  return frame;
}

XcsMessage Xcs::response_frame(const Channel& channel, const ring::ControlMessage& message,
                               std::uint32_t tag) {
  XcsMessage frame = control_message(XCS_RESPONSE, channel.domain(), channel.local_port(), message);
  frame.result = tag;
  return frame;
}

void Xcs::pass_up(const XcsMessage& frame) {
  const XcsControl& control = frame.u.control;
  bool passed = false;
  sessions_.bindings().for_each(static_cast<ring::Port>(control.local_port), control.msg.type,
                                [&](XcsSession& session) {
                                  // The channel keeps a request until it is answered, and offers it to later
                                  // data connections.
                                  if (frame.type == XCS_REQUEST && session.data == 0) return;
                                  push(session, frame);
                                  passed = true;
                                });
  if (passed) return;
  if (frame.type == XCS_REQUEST && quirk(Quirk::no_responder, control.remote_dom, frame.result)) {
    lines_[control.remote_dom].channel->abandon(frame.result);
  } else if (frame.type == XCS_REQUEST) {
    count(counters_.requests_waiting, trace::Counter::requests_waiting, control.remote_dom);
  } else {
    count(counters_.responses_unclaimed, trace::Counter::responses_unclaimed, control.remote_dom);
    journal_.refused(control.remote_dom, actor(Role::domain, control.remote_dom),
                     trace::Refusal::response_unclaimed);
  }
}

/// Sends a session with a new data connection all unanswered requests that it is bound to, including earlier
/// ones.
void Xcs::offer_unanswered(XcsSession& session) {
  for (const Line& line : lines_) {
    if (line.channel == nullptr) continue;
    for (const Channel::UnansweredRequest& owed : line.channel->unanswered()) {
      const XcsMessage frame = request_frame(*line.channel, owed);
      const ring::Port local = line.channel->local_port();
      for (auto copies = sessions_.bindings().matches(session, local, owed.message.type); copies > 0;
           --copies) {
        push(session, frame);
      }
    }
    // The requests may be answered early, now that a client has them.
    if (options_.answer == Answer::xcs) touch(line.channel->domain());
  }
}

/// Sends a session with a new key the unanswered requests that no other key of it matches.
void Xcs::offer_unanswered(XcsSession& session, std::int32_t port, std::uint16_t type) {
  if (session.data == 0) return;
  for (const Line& line : lines_) {
    if (line.channel == nullptr) continue;
    const ring::Port local = line.channel->local_port();
    if (port != xcs_port_wildcard && static_cast<ring::Port>(port) != local) continue;
    for (const Channel::UnansweredRequest& owed : line.channel->unanswered()) {
      if (type != xcs_type_wildcard && type != owed.message.type) continue;
      if (sessions_.bindings().matches(session, local, owed.message.type) != 1) continue;
      push(session, request_frame(*line.channel, owed));
    }
    if (options_.answer == Answer::xcs) touch(line.channel->domain());
  }
}

/// Only a client with numbers recognises a request that it gets again after it died, or after xcs died.
bool Xcs::has_taker(const Channel& channel, const Channel::UnansweredRequest& owed) {
  bool found = false;
  sessions_.bindings().for_each(channel.local_port(), owed.message.type, [&](const XcsSession& session) {
    found = found || (session.numbers && session.data != 0);
  });
  return found;
}

// -- to the guests

XcsInput::Took Xcs::take_data(Connection& connection, const XcsMessage& frame) {
  switch (frame.type) {
    case XCS_REQUEST:
    case XCS_RESPONSE:
      return pass_down(connection, frame);
    case XCS_VIRQ:
      take_virq(connection, frame.u.control.local_port);
      break;
    case XCS_MARK:
      if (connection.session != nullptr && connection.session->numbers) {
        // A guest that has died may have written its last requests without an event.
        if (Line* line = line_of(frame.u.control.remote_dom); line != nullptr && may_look(*line->channel))
          line->channel->look();
        push(*connection.session, frame);
        break;
      }
      [[fallthrough]];
    default:
      // The client chooses the type. Other types have no meaning here, and data connections get no replies.
      refuse(counters_.frames_ignored, trace::Counter::frames_ignored, 0, connection,
             trace::Refusal::data_frame_type, {frame.type});
      break;
  }
  return XcsInput::Took::done;
}

XcsInput::Took Xcs::pass_down(Connection& connection, const XcsMessage& frame) {
  const DomainId domain = frame.u.control.remote_dom;
  Line* line = line_of(domain);
  const bool is_input = frame.type == XCS_REQUEST && frame.u.control.msg.type == ring::CMSG_CONSOLE;
  const std::size_t input_bytes =
      is_input ? std::min<std::size_t>(frame.u.control.msg.length, ring::payload_bytes_max) : 0;
  const auto number = number_in(frame, has_numbers(connection), true);
  if (domain > xcs_domain_max_2005 && quirk(Quirk::xcs_maxdom, domain, number, input_bytes)) {
    if (line != nullptr) line->channel->count_lost(input_bytes);
    return XcsInput::Took::done;
  }
  if (line == nullptr) {
    refuse(counters_.domains_ignored, trace::Counter::domains_ignored, domain, connection,
           trace::Refusal::domain_without_channel);
    return XcsInput::Took::done;
  }
  ring::ControlMessage message = frame.u.control.msg;
  if (message.length > ring::payload_bytes_max) {
    refuse(counters_.lengths_cut, trace::Counter::lengths_cut, domain, connection,
           trace::Refusal::frame_length);
    message.length = ring::payload_bytes_max;
  }
  const bool numbers = has_numbers(connection);
  if (frame.type == XCS_RESPONSE) {
    // Responses are never delayed: the guest may need one before it takes the requests that wait for it.
    const auto index = numbers ? std::optional<ring::Index>(frame.result) : std::nullopt;
    if (line->channel->respond(message, index) == Channel::Respond::not_owed) {
      journal_.refused(domain, actor(Role::client, connection.number), trace::Refusal::response_not_owed);
    }
    touch(domain);
    return XcsInput::Took::done;
  }
  if (!line->channel->has_room() && quirk(Quirk::xcs_drop_when_full, domain, number, input_bytes)) {
    line->channel->count_lost(input_bytes);
    line->channel->notify();
    return XcsInput::Took::done;
  }
  // In order: a request does not overtake another request to the same guest.
  const bool waits = std::find(full_.begin(), full_.end(), domain) != full_.end();
  const Channel::Send outcome =
      waits ? Channel::Send::full : line->channel->send_request(message, numbers ? frame.result : 0);
  switch (outcome) {
    case Channel::Send::taken:
      touch(domain);
      break;
    case Channel::Send::known:
      break;
    case Channel::Send::answered:
      // The response went to a session that is gone, or was lost with an earlier xcs: it is sent again.
      if (connection.session != nullptr) {
        push(*connection.session, response_frame(*line->channel, ring::default_reply(message), frame.result));
      }
      break;
    case Channel::Send::broken:
      journal_.refused(domain, actor(Role::client, connection.number), trace::Refusal::ring_broken);
      break;
    case Channel::Send::full:
      if (!waits) {
        count(counters_.pushbacks, trace::Counter::pushbacks, domain);
        full_.push_back(domain);
      }
      connection.parked = true;
      return XcsInput::Took::keep;
  }
  return XcsInput::Took::done;
}

/// A client requests an event on a port. On the port of a virq the request has no effect, because only Xen
/// raises a virq: the hypervisor would refuse it (EINVAL).
void Xcs::take_virq(Connection& connection, std::int32_t port) {
  if (port >= 0 && virq_ports_.contains(static_cast<ring::Port>(port))) return;
  refuse(counters_.frames_ignored, trace::Counter::frames_ignored, 0, connection, trace::Refusal::virq_port);
}

void Xcs::touch(DomainId domain) {
  Line& line = lines_[domain];
  if (std::exchange(line.touched, true)) return;
  touched_.push_back(domain);
}

/// Whether the channel's rings must be read without an event.
bool Xcs::may_look(const Channel& channel) {
  return channel.has_unseen() && !quirk(Quirk::xcs_events_only, channel.domain());
}

void Xcs::look_at(DomainId domain) {
  lines_[domain].looked_at = true;
  touch(domain);
}

/// Returns whether a domain had been touched.
bool Xcs::flush_touched() {
  const auto domains = std::exchange(touched_, {});
  for (const DomainId domain : domains) {
    Line& line = lines_[domain];
    line.touched = false;
    const bool looks = std::exchange(line.looked_at, false);
    if (line.channel == nullptr) continue;
    looks ? line.channel->look() : line.channel->flush();
  }
  return !domains.empty();
}

Xcs::Line* Xcs::line_of(DomainId domain) {
  return domain < lines_.size() && lines_[domain].channel != nullptr ? &lines_[domain] : nullptr;
}

}  // namespace ringside::dom0
