// Carries out the acts of a scenario by calls to the stage.
#include "emu/script/act.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "emu/dom0/xcs/client.h"

namespace ringside::script {

namespace {

using trace::Role;

Lane lane_of(Side side) {
  return side == Side::control ? Lane::control : Lane::data;
}

Daemon daemon_of(const Actor& actor) {
  for (const Daemon each : {Daemon::xcs, Daemon::xend, Daemon::xenconsoled})
    if (role_of(each) == actor.role) return each;
  return Daemon::xenctld;
}

ring::ControlMessage made(const Message& message) {
  const std::string bytes = message.payload ? message.payload->bytes() : "";
  ring::ControlMessage out =
      ring::make_message(message.type, message.subtype.value_or(0), message.id.value_or(0),
                         {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  if (message.length_min) out.length = *message.length_min;
  if (message.behind) {
    const std::string behind = message.behind->bytes();
    RS_CHECK(bytes.size() + behind.size() <= sizeof out.msg);
    std::copy(behind.begin(), behind.end(), out.msg + bytes.size());
  }
  return out;
}

}  // namespace

Result<> ActExecutor::carry_out(const Act& act, const Span& line) {
  return std::visit(
      Visit{[&](const Life& each) { return life(each, line); },
            [&](const Prints& each) { return stage_.print(each.domain.domain, each.payload.bytes()); },
            [&](const Logs& each) { return stage_.log(each.domain.domain, each.payload.bytes()); },
            [&](const Throttles& each) { return stage_.throttle(each.domain.domain, each.full); },
            [&](const Ends& each) {
              note(spelled(each.domain), fmt::format("{}'s program has ended", spelled(each.domain)), line);
              return stage_.end(each.domain.domain, 0);
            },
            [&](const WritesSlot& each) { return slot(each); },
            [&](const SetsIndex& each) { return index(each); },
            [&](const FillsRing& each) {
              return stage_.fill(on_stage(each.who), each.ring.domain, message_ring(each.ring.ring));
            },
            [&](const Notifies& each) { return stage_.notify(on_stage(each.who), on_stage(each.peer)); },
            [&](const Answering& each) { return answering(each, line); },
            [&](const Reading& each) -> Result<> {
              const std::string who = spelled(each.who);
              each.on ? forget(who + " reading") : note(who + " reading", who + " does not read", line);
              if (each.who.role == Role::user) return stage_.user_reads(each.who.name, each.on);
              if (each.who.role == Role::client) return stage_.client_reads(each.who.name, each.on);
              return stage_.reading(each.who.domain, each.on);
            },
            [&](const Connects& each) {
              actor_map_.add_user(each.user.name);
              forget(spelled(each.user));
              return stage_.user_connects(each.user.name, each.domain.domain,
                                          each.by == Connects::By::tcp ? Way::tcp : Way::local);
            },
            [&](const Disconnects& each) {
              note(spelled(each.user), spelled(each.user) + " has left", line);
              return stage_.user_disconnects(each.user.name);
            },
            [&](const EndsTyping& each) {
              note(spelled(each.user) + " typing", spelled(each.user) + " has ended typing", line);
              return stage_.user_ends_typing(each.user.name);
            },
            [&](const Suspension& each) { return suspension(each, line); },
            [&](const Types& each) { return types(each); },
            [&](const HandlesPty& each) { return handles_pty(each); },
            [&](const Runs& each) { return runs(each, line); },
            [&](const ClientOpens& each) -> Result<> {
              auto opened = stage_.client_opens(each.client.name, lane_of(each.side));
              actor_map_.add_client(each.client.name);
              return opened;
            },
            [&](const ClientConnects& each) -> Result<> {
              auto connected = client_connects(each);
              actor_map_.add_client(each.client.name);
              return connected;
            },
            [&](const ClientCloses& each) { return client_closes(each); },
            [&](const ClientBinds& each) {
              const auto port = each.port ? static_cast<std::int32_t>(*each.port) : dom0::xcs_port_wildcard;
              return client_frame(each.client, Lane::control,
                                  dom0::bind_message(each.binds ? dom0::XCS_MSG_BIND : dom0::XCS_MSG_UNBIND,
                                                     port, each.type.value_or(dom0::xcs_type_wildcard)));
            },
            [&](const ClientBindsVirq& each) {
              return client_frame(each.client, Lane::control, dom0::virq_bind_message(each.virq));
            },
            [&](const ClientChannel& each) { return client_channel(each); },
            [&](const ClientSends& each) { return client_sends(each); },
            [&](const ClientSendsBytes& each) {
              const std::string bytes = each.payload.bytes();
              return stage_.client_sends(each.client.name, lane_of(each.side),
                                         {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
            },
            [&](const ClientSaysBye& each) {
              dom0::XcsMessage bye;
              bye.type = dom0::XCS_CONNECT_BYE;
              return client_frame(each.client, lane_of(each.side), bye);
            },
            [&](const ClientNotifies& each) {
              return client_frame(each.client, Lane::data, dom0::virq_message(each.port));
            },
            [&](const Fault& each) { return fault(each, line); },
            [&](const HealsAll&) {
              std::erase_if(circumstances_,
                            [](const auto& each) { return each.first.starts_with("fault "); });
              return stage_.heal();
            },
            [](const Waits&) { return Result<>(Done{}); }},
      act);
}

std::vector<Circumstance> ActExecutor::circumstances() const {
  std::vector<Circumstance> all;
  for (const auto& [key, each] : circumstances_) all.push_back(each);
  std::ranges::stable_sort(all, {}, [](const Circumstance& each) { return each.since.line; });
  return all;
}

void ActExecutor::note(const std::string& key, const std::string& text, const Span& line) {
  circumstances_[key] = {text, line};
}

trace::Actor ActExecutor::on_stage(const Actor& actor) const {
  if (actor.role == Role::user) return stage_.user_actor(actor.name);
  if (actor.role == Role::client)
    return trace::actor(Role::client, stage_.client_number(actor.name, Lane::data));
  return trace::actor(actor.role, actor.domain);
}

// -- xen, and what domains do

Result<> ActExecutor::life(const Life& act, const Span& line) {
  const GuestProgram program = act.shell ? GuestProgram::shell : GuestProgram::script;
  for (const Actor& domain : act.domains) {
    const std::uint32_t id = domain.domain;
    const std::string name = spelled(domain);
    Result<> done = Done{};
    switch (act.verb) {
      case Life::Verb::creates:
        done = stage_.create(id, program);
        created_.insert(id);
        note(name, name + " was created and does not run yet", line);
        break;
      case Life::Verb::boots:
        done = created_.erase(id) != 0 ? stage_.unpause(id) : stage_.boot(id, program);
        forget(name);
        break;
      case Life::Verb::pauses:
        done = stage_.pause(id);
        note(name, name + " is paused", line);
        break;
      case Life::Verb::unpauses:
        done = stage_.unpause(id);
        created_.erase(id);
        forget(name);
        break;
      case Life::Verb::destroys:
        done = stage_.destroy(id);
        created_.erase(id);
        note(name, name + " is destroyed", line);
        break;
      case Life::Verb::kills:
        done = stage_.kill(id);
        note(name, name + " was killed", line);
        break;
    }
    if (!done) return done;
  }
  return Done{};
}

Result<> ActExecutor::suspension(const Suspension& act, const Span& line) {
  const std::string name = spelled(act.domain);
  if (act.suspends) {
    note(name, name + " is suspended", line);
    return stage_.suspend(act.domain.domain);
  }
  forget(name);
  return stage_.resume(act.domain.domain);
}

Result<> ActExecutor::slot(const WritesSlot& act) {
  return stage_.write_slot(on_stage(act.who), act.ring.domain, message_ring(act.ring.ring), act.slot,
                           act.message.response ? trace::SlotUse::response : trace::SlotUse::request,
                           made(act.message));
}

Result<> ActExecutor::index(const SetsIndex& act) {
  const DomainId domain = act.ring.domain;
  const bool bytes = holds_bytes(act.ring.ring);
  std::uint32_t value = act.number;
  if (act.adds) {
    auto now = bytes ? stage_.read_byte_index(domain, byte_index(act.index))
                     : stage_.read_index(domain, message_ring(act.ring.ring), message_index(act.index));
    if (!now) return now.error();
    value += *now;
  }
  const trace::Actor who = on_stage(act.who);
  if (bytes) return stage_.set_byte_index(who, domain, byte_index(act.index), value);
  return stage_.set_index(who, domain, message_ring(act.ring.ring), message_index(act.index), value);
}

Result<> ActExecutor::answering(const Answering& act, const Span& line) {
  const std::string key = spelled(act.who) + " answering";
  if (act.on) {
    forget(key);
  } else {
    note(key, spelled(act.who) + " does not answer", line);
  }
  switch (act.who.role) {
    case Role::domain:
      return stage_.answering(act.who.domain, act.on);
    case Role::client:
      return stage_.client_answers(act.who.name, act.on);
    case Role::xend:
    case Role::xenctld:
      return stage_.daemon_answers(daemon_of(act.who), act.on);
    case Role::xen:
    case Role::dom0:
    case Role::xcs:
    case Role::xenconsoled:
    case Role::uart:
    case Role::user:
    case Role::tty:
    case Role::program:
      break;
  }
  return Error{EOPNOTSUPP, "cannot stop answering", spelled(act.who),
               "only domains, xend, xenctld and raw clients can", ""};
}

Result<> ActExecutor::types(const Types& act) {
  const std::string text = act.payload.bytes();
  const Typing typing = act.in_one_write ? Typing::once : Typing::keys;
  if (act.who.role == Role::uart) return stage_.uart_types(text, typing);
  if (act.at && act.at->kind == Place::Kind::pty)
    return stage_.pty_types(actor_map_.pty(act.at->name), text, typing);
  return stage_.user_types(act.who.name, text, typing);
}

Result<> ActExecutor::handles_pty(const HandlesPty& act) {
  if (!act.attaches) return stage_.pty_detaches(ptys_[act.domain.domain]);
  actor_map_.add_pty(act.name);
  ptys_[act.domain.domain] = act.name;
  return stage_.pty_attaches(act.name, act.domain.domain);
}

Result<> ActExecutor::runs(const Runs& act, const Span& line) {
  const std::string name = spelled(act.who);
  const Daemon daemon = daemon_of(act.who);
  switch (act.verb) {
    case Runs::Verb::stops:
      note(name, name + " was stopped", line);
      return stage_.daemon_stops(daemon);
    case Runs::Verb::starts:
      forget(name);
      return stage_.daemon_starts(daemon);
    case Runs::Verb::stalls:
      note(name, name + " is stalled", line);
      return stage_.daemon_stalls(daemon);
  }
  return Done{};
}

// -- raw clients

Result<> ActExecutor::client_frame(const Actor& client, Lane lane, const dom0::XcsMessage& frame) {
  return stage_.client_sends(client.name, lane,
                             {reinterpret_cast<const std::uint8_t*>(&frame), sizeof frame});
}

Result<> ActExecutor::client_connects(const ClientConnects& act) {
  std::optional<std::uint64_t> session = act.session;
  if (act.session_of) {
    session = stage_.client_session(act.session_of->name);
    if (*session == 0)
      return Error{ESRCH, "a client cannot connect", spelled(act.client),
                   spelled(*act.session_of) + " has no session yet", "it connects first"};
  }
  if (!act.side && !session) return stage_.client_connects(act.client.name);
  for (const Lane lane : {Lane::control, Lane::data}) {
    if (act.side && lane_of(*act.side) != lane) continue;
    auto opened = stage_.client_opens(act.client.name, lane);
    if (!opened && opened.error().code != EISCONN) return opened;
    const std::uint64_t own = lane == Lane::control ? 0 : stage_.client_session(act.client.name);
    const auto type = lane == Lane::control ? dom0::XCS_CONNECT_CTRL : dom0::XCS_CONNECT_DATA;
    auto sent = client_frame(act.client, lane, dom0::connect_message(type, session.value_or(own)));
    if (!sent) return sent;
  }
  return Done{};
}

Result<> ActExecutor::client_closes(const ClientCloses& act) {
  bool any = false;
  for (const Lane lane : {Lane::control, Lane::data}) {
    if (act.side && lane_of(*act.side) != lane) continue;
    auto closed = stage_.client_closes(act.client.name, lane);
    // Without a side: closes each side that is open.
    if (!closed && act.side) return closed;
    any |= closed.ok();
  }
  if (any) return Done{};
  return Error{ENOTCONN, "a client cannot close", spelled(act.client), "it is not connected", ""};
}

Result<> ActExecutor::client_channel(const ClientChannel& act) {
  ring::Port local = act.local_port;
  ring::Port remote = act.remote_port;
  if (!act.opens) {
    if (auto ports = stage_.console_ports(act.domain.domain); ports) {
      local = ports->port1;
      remote = ports->port2;
    }
  }
  const auto type = act.opens ? dom0::XCS_CIF_NEW_CC : dom0::XCS_CIF_FREE_CC;
  return client_frame(act.client, Lane::control,
                      dom0::interface_message(type, act.domain.domain, local, remote));
}

Result<> ActExecutor::client_sends(const ClientSends& act) {
  // A frame about a domain without a channel is sent with port 0: a scenario may test how xcs handles it.
  auto ports = stage_.console_ports(act.domain.domain);
  const ring::Port local = ports ? ports->port1 : 0;
  const auto type = act.message.response ? dom0::XCS_RESPONSE : dom0::XCS_REQUEST;
  return client_frame(act.client, Lane::data,
                      dom0::control_message(type, act.domain.domain, local, made(act.message)));
}

// -- faults

Result<> ActExecutor::fault(const Fault& act, const Span& line) {
  StageFault made;
  switch (act.verb) {
    case Fault::Verb::drops:
      made.effect = StageFault::Effect::drop;
      break;
    case Fault::Verb::delays:
      made.effect = StageFault::Effect::delay;
      break;
    case Fault::Verb::duplicates:
      made.effect = StageFault::Effect::duplicate;
      break;
    case Fault::Verb::reorders:
      made.effect = StageFault::Effect::reorder;
      break;
  }
  made.traffic = act.events ? StageFault::Traffic::event : StageFault::Traffic::message;
  made.from = on_stage(act.from);
  made.to = on_stage(act.to);
  made.next = act.which == Fault::Which::next ? act.number : 0;
  made.percent = act.which == Fault::Which::percent ? act.number : 100;
  made.by = act.by;
  const std::string way = fmt::format("{} -> {}", spelled(act.from), spelled(act.to));
  note("fault " + way, fmt::format("a fault is set on {} {}", act.events ? "events" : "messages", way), line);
  return stage_.fault(made);
}

}  // namespace ringside::script
