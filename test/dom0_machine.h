// A machine around xend, for tests on the simulated host: a hypervisor that only keeps a table of domains, an
// xcs that answers calls by a short script and otherwise obeys the test, and viewers of consoles.
#pragma once

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "emu/dom0/xcs/client.h"
#include "emu/host/sim.h"
#include "emu/trace/memory_sink.h"
#include "test/message_text.h"

namespace ringside::test {

inline Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Domains without guests.
class ScriptedXen {
 public:
  explicit ScriptedXen(SimWorld& world) : host_(world.host("xen")) {
    HypercallServer server;
    server.call = [this](const HypercallCaller&, const HypercallArguments& asked, std::vector<Handle>&) {
      return answer(asked);
    };
    server.gone = [](const HypercallCaller&) {};
    RS_CHECK(host_.hypercalls_serve(std::move(server)).ok());
    add(0);
  }

  DomainInfo& add(DomainId domain) {
    DomainInfo& info = domains[domain];
    info = {};
    info.domain = domain;
    info.shared_info_frame = next_frame_++;
    info.state.running = 1;
    return info;
  }
  void shut_down(DomainId domain, ShutdownReason reason = ShutdownReason::poweroff) {
    domains[domain].state.running = 0;
    domains[domain].state.shutdown = 1;
    domains[domain].reason = reason;
  }
  void crash(DomainId domain) {
    domains[domain].state.running = 0;
    domains[domain].state.crashed = 1;
  }
  SimHost& host() { return host_; }

  std::map<DomainId, DomainInfo> domains;
  std::vector<DomainId> destroyed;

 private:
  HypercallAnswer answer(const HypercallArguments& asked) {
    HypercallAnswer answer;
    const auto found = domains.lower_bound(asked.domain);
    const bool exact = found != domains.end() && found->first == asked.domain;
    const bool any_later = asked.op == HypercallOp::domain_info && found != domains.end();
    if (!exact && !any_later) {
      answer.result = -ESRCH;
      std::strcpy(answer.why, "no such domain");
      return answer;
    }
    if (asked.op == HypercallOp::domain_info) {
      answer.info = found->second;
    } else if (asked.op == HypercallOp::domain_destroy) {
      destroyed.push_back(asked.domain);
      domains.erase(found);
    } else if (asked.op == HypercallOp::domain_set_console_port) {
      found->second.console_port = asked.port;
    } else if (asked.op == HypercallOp::domain_resume) {
      answer.info = add(asked.domain);
    } else {
      answer.result = -ENOSYS;
    }
    return answer;
  }

  SimHost& host_;
  std::uint32_t next_frame_ = 100;
};

/// Answers calls with OK, keeps what arrives on data connections, and sends what the test wants.
class ScriptedXcs {
 public:
  using Message = dom0::XcsMessage;

  ScriptedXcs(SimWorld& world, const std::string& name, const std::string& path) : host_(world.host(name)) {
    listener_ = host_.listen_local(path).value();
    host_.watch(listener_, {.read = true}, [this](Ready) { welcome(); });
  }

  /// Sends a guest's request or answer on every data connection.
  void send_control(dom0::XcsType type, DomainId domain, const ring::ControlMessage& message) {
    send(dom0::control_message(type, domain, local_port(domain), message));
  }
  void output(DomainId domain, std::string_view text, std::uint8_t id = ring::no_callback_id) {
    send_control(dom0::XCS_REQUEST, domain,
                 ring::make_message(ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, id, bytes_of(text)));
  }
  /// The guest's answer to one input request.
  void accept_input(DomainId domain) {
    send_control(dom0::XCS_RESPONSE, domain, {ring::CMSG_CONSOLE, ring::CMSG_CONSOLE_DATA, 0, 0, {}});
  }
  void virq() { send(dom0::virq_message(static_cast<ring::Port>(virq_port))); }
  void send(const Message& message) {
    send_bytes({reinterpret_cast<const std::uint8_t*>(&message), sizeof message});
  }
  void send_bytes(Bytes bytes) {
    for (auto& connection : connections_) {
      if (!connection->data) continue;
      connection->out.insert(connection->out.end(), bytes.begin(), bytes.end());
      push_out(*connection);
    }
  }
  /// Stops reading data connections.
  void stop_reading() { read_data(false); }
  void go_on_reading() { read_data(true); }

  ring::Port local_port(DomainId domain) const { return 10 + domain; }
  SimHost& host() { return host_; }

  /// The frames of this type that arrived on data connections, for domains' channels only.
  std::vector<ring::ControlMessage> came(dom0::XcsType type, DomainId domain) const {
    std::vector<ring::ControlMessage> found;
    for (const Message& frame : frames) {
      if (frame.type == type && frame.u.control.remote_dom == domain) found.push_back(frame.u.control.msg);
    }
    return found;
  }
  std::string input(DomainId domain) const {
    std::string text;
    for (const auto& message : came(dom0::XCS_REQUEST, domain)) {
      if (message.type == ring::CMSG_CONSOLE) text += text_of(message);
    }
    return text;
  }
  std::size_t answers(DomainId domain) const { return came(dom0::XCS_RESPONSE, domain).size(); }
  std::size_t called(dom0::XcsType type) const {
    std::size_t count = 0;
    for (const Message& call : calls) count += call.type == type ? 1 : 0;
    return count;
  }

  std::vector<Message> calls;
  std::vector<Message> frames;
  std::map<std::uint32_t, std::uint32_t> results;  ///< results of calls of a type, if not OK
  std::vector<std::uint32_t> unanswered;           ///< types of calls that get no answer
  bool numbers = false;  ///< supports XCS_NUMBERS and returns XCS_MARK, as our xcs does
  std::int32_t virq_port = 3;
  ring::Port guest_port = 1;
  std::function<void(const Message&)> on_frame;     ///< for a frame on a data connection
  std::function<void(const Message&)> on_call;      ///< before a call is answered
  std::function<void(const Message&)> on_answered;  ///< after a call is answered, in the same turn

 private:
  struct Connection {
    Handle stream;
    bool data = false;
    std::vector<std::uint8_t> in;
    std::vector<std::uint8_t> out;
  };

  void read_data(bool reading) {
    reads_data_ = reading;
    for (auto& connection : connections_) update_interest(*connection);
  }
  void update_interest(Connection& connection) {
    host_.watch_interest(connection.stream,
                         {.read = reads_data_ || !connection.data, .write = !connection.out.empty()});
  }
  void welcome() {
    auto stream = host_.accept(listener_).value();
    if (!stream) return;
    auto& connection = connections_.emplace_back(std::make_unique<Connection>());
    connection->stream = std::move(*stream);
    host_.watch(connection->stream, {.read = true}, [this, at = connection.get()](Ready ready) {
      if (ready.write) push_out(*at);
      if (ready.read) pull_in(*at);
    });
  }
  void pull_in(Connection& connection) {
    std::array<std::uint8_t, 4096> bytes;
    const Io io = host_.read(connection.stream, bytes);
    if (io.state == Io::State::closed) {
      std::erase_if(connections_, [&](const auto& each) { return each.get() == &connection; });
      return;
    }
    connection.in.insert(connection.in.end(), bytes.begin(),
                         bytes.begin() + static_cast<std::ptrdiff_t>(io.bytes));
    while (connection.in.size() >= sizeof(Message)) {
      Message message;
      std::memcpy(&message, connection.in.data(), sizeof message);
      connection.in.erase(connection.in.begin(), connection.in.begin() + sizeof message);
      take(connection, message);
    }
  }
  void take(Connection& connection, Message message) {
    if (connection.data) {
      frames.push_back(message);
      if (on_frame) on_frame(message);
      if (numbers && message.type == dom0::XCS_MARK) send(message);
      return;
    }
    calls.push_back(message);
    if (on_call) on_call(message);
    for (const std::uint32_t type : unanswered) {
      if (type == message.type) return;
    }
    const auto scripted = results.find(message.type);
    message.result = scripted == results.end() ? std::uint32_t{dom0::XCS_RSLT_OK} : scripted->second;
    if (message.type == dom0::XCS_CONNECT_CTRL) message.u.connect.session_id = 77;
    if (message.type == dom0::XCS_CONNECT_DATA) connection.data = true;
    if (message.type == dom0::XCS_NUMBERS && numbers) message.u.connect.session_id = dom0::xcs_numbers_kept;
    if (message.type == dom0::XCS_VIRQ_BIND) message.u.virq.port = virq_port;
    if (message.type == dom0::XCS_CIF_NEW_CC) {
      message.u.interface.local_port = static_cast<std::int32_t>(local_port(message.u.interface.dom));
      message.u.interface.remote_port = static_cast<std::int32_t>(guest_port);
    }
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&message);
    connection.out.insert(connection.out.end(), bytes, bytes + sizeof message);
    push_out(connection);
    if (on_answered) on_answered(message);
  }
  void push_out(Connection& connection) {
    while (!connection.out.empty()) {
      const Io io = host_.write(connection.stream, connection.out);
      if (io.state != Io::State::moved) break;
      connection.out.erase(connection.out.begin(),
                           connection.out.begin() + static_cast<std::ptrdiff_t>(io.bytes));
    }
    update_interest(connection);
  }

  SimHost& host_;
  Handle listener_;
  bool reads_data_ = true;
  std::vector<std::unique_ptr<Connection>> connections_;
};

/// The user of the other end of a socket: a viewer of a console, or a program that sends requests to xend.
class User {
 public:
  User(SimHost& host, Handle stream) : host_(host), stream_(std::move(stream)) {
    host_.watch(stream_, {.read = true, .write = true}, [this](Ready ready) { look(ready); });
  }

  void type(std::string_view text) {
    unsent_ += text;
    if (stream_.valid()) host_.watch_interest(stream_, {.read = reading_, .write = true});
  }
  /// Stops or starts reading.
  void read(bool reading) {
    reading_ = reading;
    if (stream_.valid()) host_.watch_interest(stream_, {.read = reading_, .write = !unsent_.empty()});
  }
  void leave() { stream_.close(); }

  std::string seen;
  bool cut_off = false;  ///< the other side has closed the connection
  [[nodiscard]] std::size_t unsent() const { return unsent_.size(); }

 private:
  void look(Ready ready) {
    if (ready.write && !unsent_.empty()) {
      const Io io = host_.write(stream_, bytes_of(unsent_));
      if (io.state == Io::State::moved) unsent_.erase(0, io.bytes);
    }
    if (ready.read && reading_) {
      std::array<std::uint8_t, 8192> bytes;
      const Io io = host_.read(stream_, bytes);
      seen.append(reinterpret_cast<const char*>(bytes.data()), io.bytes);
      cut_off = io.state == Io::State::closed;
    }
    if (cut_off) return stream_.close();
    host_.watch_interest(stream_, {.read = reading_, .write = !unsent_.empty()});
  }

  SimHost& host_;
  Handle stream_;
  std::string unsent_;
  bool reading_ = true;
};

}  // namespace ringside::test
