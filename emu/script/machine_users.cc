// Users at consoles, ptys and the serial line, and requests to dom0 on their behalf.
#include <cerrno>
#include <sstream>
#include <utility>

#include "emu/script/machine_stage.h"
#include "emu/trace/text.h"

namespace ringside::script {

// -- dom0

const char* name_of(Daemon daemon) {
  switch (daemon) {
    case Daemon::xcs:
      return "xcs";
    case Daemon::xend:
      return "xend";
    case Daemon::xenctld:
      return "xenctld";
    case Daemon::xenconsoled:
      return "xenconsoled";
  }
  return "";
}

trace::Role role_of(Daemon daemon) {
  switch (daemon) {
    case Daemon::xcs:
      return trace::Role::xcs;
    case Daemon::xend:
      return trace::Role::xend;
    case Daemon::xenctld:
      return trace::Role::xenctld;
    case Daemon::xenconsoled:
      return trace::Role::xenconsoled;
  }
  return trace::Role::xend;
}

const std::string& MachineStage::Sockets::of(Daemon daemon) const {
  switch (daemon) {
    case Daemon::xcs:
      return xcs;
    case Daemon::xend:
      return xend;
    case Daemon::xenctld:
      return xenctld;
    case Daemon::xenconsoled:
      return xenconsoled;
  }
  return xend;
}

/// Sends one request to the daemon that keeps the consoles. Returns the answer without its "ok ".
Result<std::string> MachineStage::ask(const std::string& line) {
  const Daemon keeper = console_keeper();
  const char* daemon = name_of(keeper);
  Host& tools = host_for("tools");
  auto stream = tools.connect_local(sockets().of(keeper));
  if (!stream) return stream.error();
  std::string answer;
  Wire wire(tools, std::move(*stream),
            {.received = [&answer](Bytes bytes) { answer.append(bytes.begin(), bytes.end()); }});
  wire.send(line + "\n", Typing::once);
  const bool answered = run_until([&] { return answer.find('\n') != std::string::npos || wire.cut_off(); });
  if (!answered || answer.empty()) {
    return Error{ETIMEDOUT, fmt::format("cannot ask {}", daemon), line, "it does not answer",
                 "was it stopped or stalled?"};
  }
  answer.resize(answer.find('\n'));
  if (answer == "ok") return std::string();
  if (!answer.starts_with("ok ")) return Error{EIO, fmt::format("{} refuses", daemon), line, answer, ""};
  return answer.substr(3);
}

Result<> MachineStage::check_daemon(Daemon daemon) const {
  const Daemon keeper = console_keeper();
  if (daemon == keeper || (daemon == Daemon::xcs && keeper == Daemon::xend)) return Done{};
  return Error{EINVAL, "there is no such process", name_of(daemon),
               keeper == Daemon::xend ? "this machine runs xcs and xend"
                                      : fmt::format("this machine runs {}", name_of(keeper)),
               ""};
}

Daemon console_keeper(Dom0 dom0) {
  switch (dom0) {
    case Dom0::xcs_xend:
      return Daemon::xend;
    case Dom0::xenctld:
      return Daemon::xenctld;
    case Dom0::xenconsoled:
      return Daemon::xenconsoled;
  }
  return Daemon::xend;
}

void MachineStage::connect_uart(Handle stream) {
  uart_ = std::make_unique<Wire>(host_for("uart"), std::move(stream),
                                 Wire::Events{.received = [this](Bytes bytes) {
                                   ++arrivals_;
                                   uart_showed_.append(bytes.begin(), bytes.end());
                                 }});
}

void MachineStage::close_streams() {
  users_.clear();
  ptys_.clear();
  clients_.clear();
  uart_.reset();
}

// -- suspending

Error MachineStage::not_of_2005(const char* what, DomainId domain) {
  return {EOPNOTSUPP, fmt::format("cannot {} it", what), fmt::format("dom{}", domain),
          "a domain of today has no control messages, by which dom0 asks a guest of 2005", ""};
}

Result<> MachineStage::suspend(DomainId domain) {
  if (plan_.dom0 == Dom0::xenconsoled) return not_of_2005("suspend", domain);
  auto asked = ask(fmt::format("suspend {}", domain));
  return asked ? Result<>(Done{}) : Result<>(asked.error());
}

Result<> MachineStage::resume(DomainId domain) {
  if (plan_.dom0 == Dom0::xenconsoled) return not_of_2005("resume", domain);
  auto asked = ask(fmt::format("resume {}", domain));
  // An earlier request may have been completed after its caller gave up: so the page is mapped in any case.
  if (auto mapped = map_page(domain); !mapped) return mapped;
  if (!asked) return asked.error();
  return privcmd().domain_unpause(domain);
}

// -- users and ptys

Error MachineStage::not_connected(const char* what, const std::string& name) {
  return {ENOTCONN, what, name.empty() ? "the only one" : name, "it is not connected", "connect it first"};
}

MachineStage::ConsoleUser& MachineStage::find_or_add(ConsoleUsers& users, const std::string& name) {
  auto [at, fresh] = users.try_emplace(name);
  if (fresh) {
    at->second.actor = trace::actor(trace::Role::user, name.empty() ? 0 : ++users_numbered_);
    at->second.host = &host_for(trace::actor_name(at->second.actor));
  }
  return at->second;
}

Result<MachineStage::ConsoleUser*> MachineStage::connected(ConsoleUsers& users, const std::string& name,
                                                           const char* what) {
  const auto found = users.find(name);
  if (found == users.end() || found->second.wire == nullptr) return not_connected(what, name);
  return &found->second;
}

/// Connects the user to a new stream. What earlier streams showed is kept.
void MachineStage::connect_user(ConsoleUser& console_user, DomainId domain, Handle stream,
                                trace::Actor other) {
  console_user.domain = domain;
  console_user.wire = std::make_unique<Wire>(
      *console_user.host, std::move(stream),
      Wire::Events{.received =
                       [this, &console_user](Bytes bytes) {
                         ++arrivals_;
                         console_user.saw.append(bytes.begin(), bytes.end());
                         journal(trace::actor(trace::Role::client))
                             .bytes_passed(console_user.domain, console_user.actor, bytes);
                       },
                   .sent =
                       [this, &console_user, other](Bytes bytes, std::uint64_t at) {
                         journal(console_user.actor).bytes_passed(console_user.domain, other, bytes, at);
                       },
                   .journal = journal(console_user.actor),
                   .ended =
                       [this, &console_user] {
                         ++arrivals_;
                         journal(console_user.actor).told(console_user.domain, trace::Fact::hung_up);
                       }});
}

Result<MachineStage::Console> MachineStage::present_console(DomainId domain) {
  auto answer = ask(fmt::format("console {}", domain));
  if (!answer) return answer.error();
  std::istringstream words(*answer);
  unsigned guest_port = 0;
  unsigned telnet_port = 0;
  Console console;
  words >> guest_port >> console.tcp_port >> telnet_port >> std::ws;
  std::getline(words, console.path);
  return console;
}

Result<> MachineStage::user_connects(const std::string& user, DomainId domain, Way way) {
  auto console = console_of(domain);
  if (!console) return console.error();
  ConsoleUser& console_user = find_or_add(users_, user);
  if (console_user.wire != nullptr && !console_user.wire->cut_off()) {
    return Error{EISCONN, "a user cannot connect", user,
                 fmt::format("is at dom{} already", console_user.domain), "disconnect first"};
  }
  const bool pty = plan_.dom0 != Dom0::xcs_xend;
  const auto connect = [&]() -> Result<Handle> {
    if (pty) {
      auto terminal = console_user.host->file_open(console->path, Host::FileUse::output);
      return terminal ? Result<Handle>(std::move(terminal->handle)) : terminal.error();
    }
    return way == Way::tcp ? console_user.host->connect_tcp(console->tcp_port)
                           : console_user.host->connect_local(console->path);
  };
  auto stream = connect();
  if (!stream) {
    // The console's port may have been taken while no xend ran: then it has another one.
    console = present_console(domain);
    if (console) stream = connect();
  }
  if (!stream) return stream.error();
  connect_user(console_user, domain, std::move(*stream), trace::actor(role_of(console_keeper())));
  return Done{};
}

Result<> MachineStage::user_disconnects(const std::string& user) {
  auto found = connected(users_, user, "a user cannot disconnect");
  if (!found) return found.error();
  (*found)->wire.reset();
  return Done{};
}

Result<> MachineStage::user_ends_typing(const std::string& user) {
  auto found = connected(users_, user, "a user cannot end typing");
  if (!found) return found.error();
  (*found)->wire->end_output();
  return Done{};
}

Result<> MachineStage::user_types(const std::string& user, std::string_view text, Typing typing) {
  auto found = connected(users_, user, "a user cannot type");
  if (!found) return found.error();
  if ((*found)->wire->output_ends()) {
    return Error{EPIPE, "a user cannot type", user.empty() ? "the only one" : user, "it has ended typing",
                 "connect it again first"};
  }
  (*found)->wire->send(text, typing);
  return Done{};
}

Result<> MachineStage::user_reads(const std::string& user, bool reads) {
  auto found = connected(users_, user, "a user cannot read");
  if (!found) return found.error();
  (*found)->wire->read(reads);
  return Done{};
}

Result<> MachineStage::pty_attaches(const std::string& pty, DomainId domain) {
  if (auto known = console_of(domain); !known) return known.error();
  if (plan_.dom0 != Dom0::xenctld) {
    return Error{
        EOPNOTSUPP, "cannot attach a pty", fmt::format("dom{}", domain),
        plan_.dom0 == Dom0::xcs_xend ? "under xend consoles are sockets" : "xenconsoled makes a pty itself",
        "user connects"};
  }
  ConsoleUser& console_user = find_or_add(ptys_, pty);
  if (console_user.wire != nullptr) {
    return Error{EISCONN, "cannot attach a pty", pty, fmt::format("is at dom{} already", console_user.domain),
                 "detach it first"};
  }
  auto pty_made = console_user.host->pty_create();
  if (!pty_made) return pty_made.error();
  // A pty's master side counts as hung up while no process has the other side open: so the user gets it after
  // xenctld has opened the pty.
  auto attached = ask(fmt::format("attach {} {}", domain, pty_made->path));
  if (!attached) return attached.error();
  connect_user(console_user, domain, std::move(pty_made->terminal), trace::actor(trace::Role::xenctld));
  return Done{};
}

Result<> MachineStage::pty_detaches(const std::string& pty) {
  auto found = connected(ptys_, pty, "cannot detach a pty");
  if (!found) return found.error();
  auto detached = ask(fmt::format("detach {}", (*found)->domain));
  if (!detached) return detached.error();
  (*found)->wire.reset();
  return Done{};
}

Result<> MachineStage::pty_types(const std::string& pty, std::string_view text, Typing typing) {
  auto found = connected(ptys_, pty, "cannot type at a pty");
  if (!found) return found.error();
  (*found)->wire->send(text, typing);
  return Done{};
}

Result<> MachineStage::uart_types(std::string_view text, Typing typing) {
  if (uart_ == nullptr) {
    return Error{ENODEV, "cannot type", "uart", "no user is connected to the serial line", ""};
  }
  uart_->send(text, typing);
  return Done{};
}

bool MachineStage::user_cut_off(const std::string& user) const {
  const auto found = users_.find(user);
  return found != users_.end() && found->second.wire != nullptr && found->second.wire->cut_off();
}

std::string_view MachineStage::user_saw(const std::string& user) const {
  const auto found = users_.find(user);
  return found == users_.end() ? std::string_view() : found->second.saw;
}

std::string_view MachineStage::pty_showed(const std::string& pty) const {
  const auto found = ptys_.find(pty);
  return found == ptys_.end() ? std::string_view() : found->second.saw;
}

trace::Actor MachineStage::user_actor(const std::string& user) const {
  const auto found = users_.find(user);
  return found == users_.end() ? trace::actor(trace::Role::user) : found->second.actor;
}

trace::Actor MachineStage::pty_actor(const std::string& pty) const {
  const auto found = ptys_.find(pty);
  return found == ptys_.end() ? trace::actor(trace::Role::user) : found->second.actor;
}

}  // namespace ringside::script
