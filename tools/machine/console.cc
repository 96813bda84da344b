// console and exec: connect this terminal, or this process's stdin and stdout, to the end of the whole path.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <sstream>
#include <system_error>

#include "emu/dom0/console/console_client.h"
#include "emu/host/domain_words.h"
#include "emu/host/journal_log.h"
#include "emu/host/launch.h"
#include "emu/host/linux_host.h"
#include "emu/host/linux_terminal.h"
#include "tools/command.h"
#include "tools/machine/builder.h"
#include "tools/machine/console.h"
#include "tools/machine/page.h"
#include "tools/machine/private_machine.h"
#include "tools/machine/quirks.h"
#include "tools/machine/store_nodes.h"
#include "tools/machine/user_terminal.h"

namespace ringside::tools {

namespace {

using dom0::ConsoleClient;

Error no_console(DomainId domain, std::string why, std::string advice) {
  return {ENOENT, "no console", fmt::format("domain {}", domain), std::move(why), std::move(advice)};
}

/// Opens a console: connects to a socket, or opens a terminal.
Result<Handle> open_console(LinuxHost& host, const std::string& path, bool pty) {
  if (!pty) return host.connect_local(path);
  auto terminal = host.file_open(path, Host::FileUse::output);
  if (!terminal) return terminal.error();
  return std::move(terminal->handle);
}

/// Opens the console, unless another program has it.
Result<Handle> open_console(LinuxHost& host, DomainId domain, const ConsolePlace& place) {
  if (!place.attached.empty())
    return no_console(domain, "it is attached to " + place.attached, "ringside detach returns it to its pty");
  if (place.viewed && place.pty)
    return no_console(domain, "another program has its pty open: " + place.path,
                      "two readers would each get a part of its output");
  if (place.viewed)
    return no_console(domain, "it has a viewer already", "ringside console --take disconnects it");
  return open_console(host, place.path, place.pty);
}

/// The signals with which a user leaves.
constexpr int leaving_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

constexpr std::chrono::milliseconds between_end_looks{20};

/// How the connection of this terminal to a console ended.
struct Attached {
  ConsoleClient::Ended ended;
  int signal = 0;  ///< the signal that ended it, or 0
};

/// When the output of a domain of today is complete. xenconsoled keeps the pty of a domain that has shut down
/// until it is destroyed, so the pty does not say it. The guest's index does: it counts all bytes.
class OutputToday {
 public:
  OutputToday(LinuxHost& host, Privcmd& privcmd, DomainId domain, BytePage page)
      : host_(host), privcmd_(privcmd), domain_(domain), page_(std::move(page)) {}

  [[nodiscard]] bool complete(const ConsoleClient& client) {
    const auto info = privcmd_.domain_info(domain_);
    if (!info || !info.value() || info.value()->domain != domain_) return true;
    const DomainState& state = info.value()->state;
    if ((state.shutdown == 0 && state.crashed == 0) || !client.all_shown()) return false;
    const auto received = static_cast<ring::Index>(client.received_bytes());
    const ring::Index sent = page_.out().prod;
    if (received == sent) return true;
    if (std::exchange(received_, received) != received) since_ = host_.now();
    if (host_.now() - since_ < patience) return false;
    host_.warn(
        fmt::format("{} bytes of the output have not arrived: xenconsoled discards bytes of a "
                    "console when more than a megabyte waits for a reader",
                    sent - received));
    return true;
  }

 private:
  /// xenconsoled serves each console at least every 200 ms.
  static constexpr std::chrono::seconds patience{10};
  LinuxHost& host_;
  Privcmd& privcmd_;
  DomainId domain_;
  BytePage page_;
  std::optional<ring::Index> received_;
  Time since_{};
};

Result<std::unique_ptr<OutputToday>> output_today(LinuxHost& host, Privcmd& privcmd, DomainId domain) {
  auto page = BytePage::open(host, privcmd, domain);
  if (!page) return page.error();
  return std::make_unique<OutputToday>(host, privcmd, domain, std::move(*page));
}

/// Attaches stdin and stdout to the console until one side ends it. A leaving signal ends it, too.
/// `unpause`: starts the domain once its console has its viewer. `output`: also ends when that is complete.
Result<Attached> attach(LinuxHost& host, Privcmd& privcmd, trace::Sink& sink, Result<Handle> connection,
                        dom0::ConsoleClientOptions options, bool unpause, OutputToday* output = nullptr) {
  if (!connection) return connection.error();
  auto input = host.standard_stream(0);
  if (!input) return input.error();
  auto shown = host.standard_stream(1);
  if (!shown) return shown.error();

  const auto tell_window = [&] {
    const auto size = window_size(0);
    // A guest that is ending refuses this, and then the size does not matter.
    if (size) (void)privcmd.window_set(options.domain, size->rows, size->columns);
  };
  tell_window();
  host.on_signal(SIGWINCH, tell_window);
  std::optional<Attached> attached;
  const auto leave = [&](ConsoleClient::Ended why, int signal = 0) {
    attached = Attached{why, signal};
    host.stop(0);
  };
  for (const int number : leaving_signals)
    host.on_signal(number, [&, number] { leave(ConsoleClient::Ended::left, number); });
  if (unpause) {
    if (auto set_going = privcmd.domain_unpause(options.domain); !set_going) return set_going.error();
  }
  const UserTerminal terminal(host, tell_window);
  const ConsoleClient client(host, trace::Journal(sink, trace::actor(trace::Role::client)),
                             std::move(*connection), std::move(*input), std::move(*shown), options,
                             [&](ConsoleClient::Ended why) { leave(why); });
  std::function<void()> look = [&] {
    if (output->complete(client)) return leave(ConsoleClient::Ended::closed);
    host.timer_start(between_end_looks, look);
  };
  if (output != nullptr) host.timer_start(between_end_looks, look);
  host.run();
  host.on_signal(SIGWINCH, [] {});
  for (const int number : leaving_signals) host.on_signal(number, [] {});
  return *attached;
}

/// xenconsoled does not say whether another program has its pty open.
Result<ConsolePlace> find_console_today(LinuxHost& host, DomainId domain) {
  const trace::Actor daemon = trace::actor(trace::Role::xenconsoled);
  if (running_dom0(host.machine()) == Dom0Kind::xenconsoled) {
    return ConsolePlace{.path = host.machine().pty_link(domain),
                        .daemon = daemon,
                        .pty = true,
                        .viewed = false,
                        .attached = {}};
  }
  const char* advice = "ringside modern -- true starts today's daemons again";
  auto tty = tty_in_store(host.machine(), domain);
  if (!tty) return no_console(domain, "xenstored does not answer: " + tty.error().why, advice);
  if (tty->empty()) return no_console(domain, "xenconsoled serves none for it", advice);
  return ConsolePlace{.path = *tty, .daemon = daemon, .pty = true, .viewed = false, .attached = {}};
}

}  // namespace

Result<ConsolePlace> find_console(LinuxHost& host, const DomainInfo& info, bool pty) {
  const DomainId domain = info.domain;
  if (info.today()) return find_console_today(host, domain);
  const auto cannot = [domain](std::string why, std::string advice) {
    return no_console(domain, std::move(why), std::move(advice));
  };
  const bool has_ptys = running_dom0(host.machine()) == Dom0Kind::xenctld;
  if (pty && !has_ptys)
    return cannot("this machine runs xcs and xend, which have no ptys",
                  "ringside up --dom0 xenctld has them");
  auto consoles = ask_xend(host, "consoles");
  if (!consoles) return consoles.error();
  for (const std::string& line : consoles.value()) {
    std::istringstream words(line);
    DomainId found = 0;
    std::string port;
    std::string telnet_port;
    std::string status;
    if (!(words >> found >> port >> telnet_port >> status) || found != domain) continue;
    const std::size_t at = line.find('/');
    if (at == std::string::npos) continue;
    const std::string path = line.substr(at);
    ConsolePlace place{.path = path,
                       .daemon = trace::actor(has_ptys ? trace::Role::xenctld : trace::Role::xend),
                       .pty = has_ptys,
                       .viewed = status == "connected",
                       .attached = {}};
    if (has_ptys && status == "attached") {
      place.attached = path;
      place.path = host.machine().pty_link(domain);
    }
    return place;
  }
  return cannot("no daemon serves one for it", "was it made by ringside create?");
}

int output_gone(const LinuxHost& host) {
  const int why = host.write_error();
  // The reader has closed the pipe because it needs no more.
  if (why == EPIPE) return status_of_signal_0 + SIGPIPE;
  return failed({why, "cannot write", "stdout", std::generic_category().message(why), ""});
}

namespace {

struct ConsoleOptions {
  std::string domain;
  bool pty = false;
  bool take = false;
  EscapeKey escape;
};

int console(const Session& session, const ConsoleOptions& options) {
  LinuxHost host("console", session.machine());
  auto privcmd = host.connect_dom0();
  if (!privcmd) return failed(privcmd.error());
  auto info = privcmd->domain_find(options.domain);
  if (!info) return failed(info.error());
  if (options.take && info->today())
    return failed(
        no_console(info->domain, "xenconsoled does not know who has its pty open", "leave out --take"));
  if (options.take) {
    auto taken = ask_xend(host, fmt::format("take {}", info->domain));
    if (!taken) return failed(taken.error());
  }
  auto place = find_console(host, *info, options.pty);
  if (!place) return failed(place.error());
  auto connection = open_console(host, info->domain, *place);
  if (!connection) return failed(connection.error());
  auto journal = JournalWriter::open(session.machine().journal_directory(), "console");
  if (!journal) return failed(journal.error());
  const bool on_terminal = is_terminal(0) && is_terminal(1);
  if (on_terminal) {
    std::printf("*** REMOTE CONSOLE of domain %u, %s: %s ***\r\n", info->domain, info->name,
                options.escape.advice().c_str());
    std::fflush(stdout);
  }
  auto attached = attach(host, *privcmd, **journal, std::move(connection),
                         {.escape = on_terminal ? options.escape.byte() : std::nullopt,
                          .end_of_file = false,
                          .domain = info->domain,
                          .daemon = place->daemon},
                         false);
  if (!attached) return failed(attached.error());
  if (attached->ended == ConsoleClient::Ended::output_gone) return output_gone(host);
  if (on_terminal) {
    std::printf(attached->ended == ConsoleClient::Ended::left ? "\n*** left the console ***\n"
                                                              : "\n*** the console was closed ***\n");
  }
  return attached->signal != 0 ? status_of_signal_0 + attached->signal : exit_good;
}

/// The exit status of the program of a domain that has shut down.
int program_status(Privcmd& privcmd, DomainId domain) {
  auto info = privcmd.domain_info(domain);
  if (!info) return failed(info.error());
  if (!info->has_value() || (*info)->domain != domain || !(*info)->state.shutdown) {
    return failed({0, "the domain has ended", fmt::format("domain {}", domain),
                   "its guest ended without a shutdown", ""});
  }
  return (*info)->exit_status;
}

/// `signal`: the signal that arrived while the machine was started or the domain was built, or 0.
int exec_on(LinuxHost& host, const DomainSpec& spec, const int& signal) {
  auto privcmd = host.connect_dom0();
  if (!privcmd) return failed(privcmd.error());
  auto built = build_domain(host, *privcmd, spec);
  if (!built) return failed(built.error());
  if (signal != 0) return status_of_signal_0 + signal;
  std::unique_ptr<OutputToday> output;
  const bool today = spec.today || running_dom0(host.machine()) == Dom0Kind::xenconsoled;
  if (today) {
    auto made = output_today(host, *privcmd, built->domain);
    if (!made) return failed(made.error());
    output = std::move(*made);
  }
  trace::NullSink silent;
  const bool on_terminal = is_terminal(0) && is_terminal(1);
  auto attached = attach(host, *privcmd, silent, open_console(host, built->path, built->tcp_port == 0),
                         {.escape = on_terminal ? EscapeKey().byte() : std::nullopt,
                          .end_of_file = !spec.raw,
                          .domain = built->domain,
                          .daemon = trace::actor(today                  ? trace::Role::xenconsoled
                                                 : built->tcp_port == 0 ? trace::Role::xenctld
                                                                        : trace::Role::xend)},
                         true, output.get());
  if (!attached) return failed(attached.error());
  switch (attached->ended) {
    case ConsoleClient::Ended::closed:
      return program_status(*privcmd, built->domain);
    case ConsoleClient::Ended::left:
      return status_of_signal_0 + (attached->signal != 0 ? attached->signal : SIGINT);
    case ConsoleClient::Ended::output_gone:
      break;
  }
  return output_gone(host);
}

int exec(const DomainSpec& spec, const MachineSpec& machine_spec) {
  // A signal before the console is attached ends the command as soon as the domain is built.
  int signal = 0;
  auto own = PrivateMachine::make("exec");
  if (!own) return failed(own.error());
  LinuxHost& host = (*own)->host();
  for (const int number : leaving_signals) host.on_signal(number, [&signal, number] { signal = number; });
  if (auto started = start_machine(host, machine_spec, (*own)->lock()); !started)
    return signal != 0 ? status_of_signal_0 + signal : failed(started.error());
  return exec_on(host, spec, signal);
}

}  // namespace

void add_console_commands(Command app, Session& session) {
  Command exec_command = app.add_subcommand(
      "exec",
      "Run PROGRAM in the domU of a private machine, with this process's stdin and stdout as its console");
  exec_command.footer(
      "Exits with the program's own status. The end of stdin is typed as Ctrl-D. With --raw no byte has a\n"
      "special meaning: PROGRAM sees no end of its input, and must itself know when to stop.\n"
      "Examples:\n"
      "  ringside exec -- sh -c 'echo hello'\n"
      "  printf 'uname\\nexit\\n' | ringside exec                          the built-in shell\n"
      "  ringside exec --raw -- head -c 1048576 <file | cmp - file        a megabyte there and back\n"
      "  ringside exec --console today -- uname                          through Debian's xenconsoled");
  const auto spec = std::make_shared<DomainSpec>();
  spec->name = "exec";
  spec->preserve = true;  // keeps the domain until its exit status has been read
  spec->quiet = true;
  spec->paused = true;  // keeps the domain paused until its console is attached
  spec->dies_with_us = true;
  exec_command.add_option("PROGRAM", spec->program, "After --: the program (default: the built-in shell)");
  add_guest_options(exec_command, *spec);
  const auto machine_spec = std::make_shared<MachineSpec>();
  machine_spec->console_port_base = 0;
  machine_spec->dies_with_us = true;
  add_dom0_options(exec_command, *machine_spec);
  add_quirks(exec_command, {"xcs", "xend", "domu"}, spec->quirks);
  exec_command.callback([&session, spec, machine_spec] {
    machine_spec->quirks = spec->quirks;
    session.run = [spec, machine_spec] { return exec(*spec, *machine_spec); };
  });

  Command console_command = add_command(
      app, session, "console", "Attach this terminal to a domain's console",
      "  ringside console web        Ctrl-] leaves; pressed twice, it is typed\n"
      "  ringside console web --take --escape ^A    replaces the present viewer; Ctrl-A leaves\n"
      "  telnet localhost 19601      the same: `list` names the port\n"
      "  socat -,raw,echo=0 TCP:localhost:9601    the bytes unchanged, for any program\n"
      "The end of stdin does not end the command: the output continues until the domain ends. A program at\n"
      "port 9601 that begins to negotiate as telnet does (0xff and 0xfb to 0xfe) is served as telnet\n"
      "from there on. Exit status: 128 + the number of the signal that ended it.");
  const auto options = std::make_shared<ConsoleOptions>();
  console_command.add_option("DOMAIN", options->domain, "Its name or number").required();
  console_command.add_flag("--pty", options->pty,
                           "Use the domain's pty, or fail (the default under xenctld)");
  console_command.add_flag("--take", options->take,
                           "Disconnect the present viewer first, for example one that hangs (xend only)");
  add_escape(console_command, options->escape);
  console_command.callback(
      [&session, options] { session.run = [&session, options] { return console(session, *options); }; });
}

}  // namespace ringside::tools
