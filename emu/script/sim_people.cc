// The simulated stage's people: at consoles, at ptys, at the far end of the serial line, and behind raw
// connections to xcs.
#include <cerrno>
#include <cstring>
#include <utility>

#include "emu/dom0/client.h"
#include "emu/dom0/xcs_frames.h"
#include "emu/script/sim_stage.h"
#include "emu/trace/text.h"

namespace ringside::script {

namespace {

constexpr char xcs_socket[] = "/m/xcs_socket";

Error nobody(const char* what, const std::string& name) {
  return {ENOTCONN, what, name.empty() ? "the only one" : name, "it is not connected", "connect it first"};
}

}  // namespace

// -- users and ptys

SimStage::Person& SimStage::person(People& people, const std::string& name) {
  auto [at, fresh] = people.try_emplace(name);
  if (fresh) {
    at->second.actor = trace::actor(trace::Role::user, name.empty() ? 0 : ++people_numbered_);
    at->second.host = &host(trace::actor_name(at->second.actor));
    at->second.host->write_whole();
  }
  return at->second;
}

Result<SimStage::Person*> SimStage::connected(People& people, const std::string& name, const char* what) {
  const auto found = people.find(name);
  if (found == people.end() || found->second.wire == nullptr) return nobody(what, name);
  return &found->second;
}

/// At a new stream; what was seen at earlier ones stays seen.
void SimStage::seat(Person& person, DomainId domain, Handle stream, trace::Actor other) {
  person.domain = domain;
  person.wire = std::make_unique<SimWire>(
      *person.host, std::move(stream),
      SimWire::Events{
          .came =
              [this, &person](Bytes bytes) {
                person.saw.append(bytes.begin(), bytes.end());
                journal(trace::actor(trace::Role::client)).bytes_passed(person.domain, person.actor, bytes);
              },
          .went = [this, &person,
                   other](Bytes bytes) { journal(person.actor).bytes_passed(person.domain, other, bytes); }});
}

Result<> SimStage::user_connects(const std::string& user, DomainId domain, Way way) {
  auto its = unprivileged(domain);
  if (!its) return its.error();
  if (plan_.dom0 == Dom0::xenctld) {
    return Error{EOPNOTSUPP, "a user cannot connect", fmt::format("dom{}", domain),
                 "under xenctld consoles are ptys", "xenctld attaches pty"};
  }
  Person& person = this->person(users_, user);
  if (person.wire != nullptr && !person.wire->cut_off()) {
    return Error{EISCONN, "a user cannot connect", user, fmt::format("is at dom{} already", person.domain),
                 "disconnect first"};
  }
  auto stream = way == Way::tcp ? person.host->connect_tcp((*its)->tcp_port)
                                : person.host->connect_local((*its)->console_path);
  if (!stream) return stream.error();
  seat(person, domain, std::move(*stream), trace::actor(trace::Role::xend));
  return Done{};
}

Result<> SimStage::user_disconnects(const std::string& user) {
  auto found = connected(users_, user, "a user cannot disconnect");
  if (!found) return found.error();
  (*found)->wire.reset();
  return Done{};
}

Result<> SimStage::user_types(const std::string& user, std::string_view text, Typing typing) {
  auto found = connected(users_, user, "a user cannot type");
  if (!found) return found.error();
  (*found)->wire->send(text, typing);
  return Done{};
}

Result<> SimStage::user_reads(const std::string& user, bool reads) {
  auto found = connected(users_, user, "a user cannot look");
  if (!found) return found.error();
  (*found)->wire->read(reads);
  return Done{};
}

Result<> SimStage::pty_attaches(const std::string& pty, DomainId domain) {
  auto its = unprivileged(domain);
  if (!its) return its.error();
  if (plan_.dom0 != Dom0::xenctld) {
    return Error{EOPNOTSUPP, "cannot attach a pty", fmt::format("dom{}", domain),
                 "under xend consoles are sockets", "user connects"};
  }
  Person& person = this->person(ptys_, pty);
  if (person.wire != nullptr) {
    return Error{EISCONN, "cannot attach a pty", pty, fmt::format("is at dom{} already", person.domain),
                 "detach it first"};
  }
  auto pty_made = person.host->pty_create();
  if (!pty_made) return pty_made.error();
  seat(person, domain, std::move(pty_made->terminal), trace::actor(trace::Role::xenctld));
  auto attached = ask(fmt::format("attach {} {}", domain, pty_made->path));
  if (attached) return Done{};
  person.wire.reset();
  return attached.error();
}

Result<> SimStage::pty_detaches(const std::string& pty) {
  auto found = connected(ptys_, pty, "cannot detach a pty");
  if (!found) return found.error();
  auto detached = ask(fmt::format("detach {}", (*found)->domain));
  if (!detached) return detached.error();
  (*found)->wire.reset();
  return Done{};
}

Result<> SimStage::pty_types(const std::string& pty, std::string_view text, Typing typing) {
  auto found = connected(ptys_, pty, "cannot type at a pty");
  if (!found) return found.error();
  (*found)->wire->send(text, typing);
  return Done{};
}

Result<> SimStage::uart_types(std::string_view text, Typing typing) {
  if (uart_ == nullptr) {
    return Error{ENODEV, "cannot type", "uart", "nobody is at the far end of the serial line", ""};
  }
  uart_->send(text, typing);
  return Done{};
}

std::string_view SimStage::user_saw(const std::string& user) const {
  const auto found = users_.find(user);
  return found == users_.end() ? std::string_view() : found->second.saw;
}

std::string_view SimStage::pty_showed(const std::string& pty) const {
  const auto found = ptys_.find(pty);
  return found == ptys_.end() ? std::string_view() : found->second.saw;
}

trace::Actor SimStage::user_actor(const std::string& user) const {
  const auto found = users_.find(user);
  return found == users_.end() ? trace::actor(trace::Role::user) : found->second.actor;
}

trace::Actor SimStage::pty_actor(const std::string& pty) const {
  const auto found = ptys_.find(pty);
  return found == ptys_.end() ? trace::actor(trace::Role::user) : found->second.actor;
}

// -- raw clients of xcs

Result<> SimStage::client_opens(const std::string& name, Lane lane) {
  auto [at, fresh] = clients_.try_emplace(name);
  Client& client = at->second;
  if (fresh) {
    client.host = &host(fmt::format("client {}", ++clients_made_));
    client.host->write_whole();
  }
  ClientLane& its = client.lanes[static_cast<std::size_t>(lane)];
  if (its.wire != nullptr && !its.wire->cut_off()) {
    return Error{EISCONN, "a client cannot connect", name, "that connection is open", "close it first"};
  }
  auto stream = client.host->connect_local(xcs_socket);
  if (!stream) return stream.error();
  its = ClientLane{};
  its.wire = std::make_unique<SimWire>(
      *client.host, std::move(*stream),
      SimWire::Events{.came = [this, &client, lane](Bytes bytes) { client_came(client, lane, bytes); }});
  its.wire->read(client.reads);
  // xcs counts its connections; nobody else connects to it before this one was taken.
  const auto before = xcs_->last_connection();
  const bool stalled = stalled_[static_cast<std::size_t>(Daemon::xcs)];
  if (!stalled && run_until([&] { return xcs_->last_connection() != before; })) {
    its.number = xcs_->last_connection();
  }
  return Done{};
}

Result<SimStage::ClientLane*> SimStage::open_lane(const std::string& name, Lane lane, const char* what) {
  const auto found = clients_.find(name);
  if (found == clients_.end()) return nobody(what, name);
  ClientLane& its = found->second.lanes[static_cast<std::size_t>(lane)];
  if (its.wire == nullptr) return nobody(what, name);
  return &its;
}

void SimStage::client_came(Client& client, Lane lane, Bytes bytes) {
  ClientLane& its = client.lanes[static_cast<std::size_t>(lane)];
  its.begun.insert(its.begun.end(), bytes.begin(), bytes.end());
  std::size_t at = 0;
  for (; its.begun.size() - at >= sizeof(dom0::XcsMessage); at += sizeof(dom0::XcsMessage)) {
    dom0::XcsMessage frame;
    std::memcpy(static_cast<void*>(&frame), its.begun.data() + at, sizeof frame);
    its.frames.push_back(frame);
    client_frame(client, lane, frame);
  }
  its.begun.erase(its.begun.begin(), its.begun.begin() + static_cast<std::ptrdiff_t>(at));
}

void SimStage::client_frame(Client& client, Lane lane, const dom0::XcsMessage& frame) {
  if (lane == Lane::control) {
    const bool gives_session = frame.type == dom0::XCS_CONNECT_CTRL && frame.result == dom0::XCS_RSLT_OK;
    if (gives_session) client.session = frame.u.connect.session_id;
    return;
  }
  if (!client.answers || frame.type != dom0::XCS_REQUEST) return;
  dom0::XcsMessage answer = frame;
  answer.type = dom0::XCS_RESPONSE;
  const std::string_view bytes(reinterpret_cast<const char*>(&answer), sizeof answer);
  const auto about = dom0::about_frame(answer);
  journal(actor_of(client.lanes[static_cast<std::size_t>(lane)]))
      .frame_passed(about.domain, trace::actor(trace::Role::xcs), answer.type, about.port, about.message);
  client.lanes[static_cast<std::size_t>(lane)].wire->send(bytes, Typing::once);
}

Result<> SimStage::client_sends(const std::string& name, Lane lane, Bytes bytes) {
  auto its = open_lane(name, lane, "a client cannot send");
  if (!its) return its.error();
  if (bytes.size() == sizeof(dom0::XcsMessage)) {
    dom0::XcsMessage frame;
    std::memcpy(static_cast<void*>(&frame), bytes.data(), sizeof frame);
    const auto about = dom0::about_frame(frame);
    journal(actor_of(**its))
        .frame_passed(about.domain, trace::actor(trace::Role::xcs), frame.type, about.port, about.message);
  } else {
    journal(actor_of(**its)).bytes_passed(0, trace::actor(trace::Role::xcs), bytes);
  }
  (*its)->wire->send({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, Typing::once);
  return Done{};
}

/// Sends a frame and waits for the reply to it.
Result<> SimStage::client_calls(const std::string& name, Lane lane, const dom0::XcsMessage& frame) {
  auto sent = client_sends(name, lane, {reinterpret_cast<const std::uint8_t*>(&frame), sizeof frame});
  if (!sent) return sent;
  const ClientLane& its = clients_.at(name).lanes[static_cast<std::size_t>(lane)];
  const std::size_t before = its.frames.size();
  const bool replied = run_until([&] { return its.frames.size() > before || its.wire->cut_off(); });
  if (!replied || its.frames.size() == before) {
    return Error{ETIMEDOUT, "a client cannot connect", name, "xcs does not reply",
                 "was it stopped or stalled?"};
  }
  if (its.frames.back().result == dom0::XCS_RSLT_OK) return Done{};
  return Error{EIO, "a client cannot connect", name,
               fmt::format("xcs answers with result {}", its.frames.back().result), ""};
}

Result<> SimStage::client_connects(const std::string& name) {
  if (auto opened = client_opens(name, Lane::control); !opened) return opened;
  if (auto called = client_calls(name, Lane::control, dom0::connect_message(dom0::XCS_CONNECT_CTRL, 0));
      !called) {
    return called;
  }
  if (auto opened = client_opens(name, Lane::data); !opened) return opened;
  return client_calls(name, Lane::data,
                      dom0::connect_message(dom0::XCS_CONNECT_DATA, clients_.at(name).session));
}

Result<> SimStage::client_closes(const std::string& name, Lane lane) {
  auto its = open_lane(name, lane, "a client cannot close");
  if (!its) return its.error();
  (*its)->wire.reset();
  return Done{};
}

Result<> SimStage::client_reads(const std::string& name, bool reads) {
  const auto found = clients_.find(name);
  if (found == clients_.end()) return nobody("a client cannot read", name);
  found->second.reads = reads;
  for (ClientLane& its : found->second.lanes) {
    if (its.wire != nullptr) its.wire->read(reads);
  }
  return Done{};
}

Result<> SimStage::client_answers(const std::string& name, bool answers) {
  const auto found = clients_.find(name);
  if (found == clients_.end()) return nobody("a client cannot answer", name);
  found->second.answers = answers;
  return Done{};
}

Result<std::vector<dom0::XcsMessage>> SimStage::client_received(const std::string& name, Lane lane) const {
  const auto found = clients_.find(name);
  if (found == clients_.end()) return nobody("a client has received nothing", name);
  return found->second.lanes[static_cast<std::size_t>(lane)].frames;
}

bool SimStage::client_cut_off(const std::string& name, Lane lane) const {
  const auto found = clients_.find(name);
  if (found == clients_.end()) return false;
  const ClientLane& its = found->second.lanes[static_cast<std::size_t>(lane)];
  return its.wire != nullptr && its.wire->cut_off();
}

std::uint64_t SimStage::client_session(const std::string& name) const {
  const auto found = clients_.find(name);
  return found == clients_.end() ? 0 : found->second.session;
}

std::uint32_t SimStage::client_number(const std::string& name, Lane lane) const {
  const auto found = clients_.find(name);
  return found == clients_.end() ? 0 : found->second.lanes[static_cast<std::size_t>(lane)].number;
}

}  // namespace ringside::script
