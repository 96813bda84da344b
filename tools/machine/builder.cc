// Starts the processes of a machine or domain in their order, and ends them again on failure.
#include "tools/machine/builder.h"

#include <array>
#include <charconv>
#include <cstdlib>
#include <sstream>

#include "emu/dom0/toolstack/toolstack.h"
#include "emu/dom0/xenctld/xenctld_console.h"
#include "emu/host/launch.h"
#include "tools/machine/domain_spec.h"
#include "tools/machine/modern_daemons.h"
#include "tools/machine/quirks.h"
#include "tools/machine/store_nodes.h"

namespace ringside::tools {

namespace {

constexpr int patience_ms = 3000;
constexpr std::chrono::seconds xend_timeout{15};
/// The time in which another process that starts a machine must notice that its hypervisor has ended.
constexpr std::chrono::seconds lock_patience{30};

std::vector<std::string> processes_of(const MachineSpec& spec) {
  std::vector<std::string> names{"xen"};
  switch (spec.dom0) {
    case Dom0Kind::xcs_xend:
      names.insert(names.end(), {"xcs", "xend"});
      break;
    case Dom0Kind::xenctld:
      names.emplace_back("xenctld");
      break;
    case Dom0Kind::xenconsoled:
      names.insert(names.end(), {"xenconsoled", "toolstack"});
      break;
  }
  // Last, so that everything else is ready when a shell appears on the serial line.
  if (spec.dom0_kernel) names.emplace_back("dom0");
  return names;
}

std::string environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

unsigned number(const std::string& text) {
  unsigned value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// The part of an answer that has been received.
struct Conversation {
  std::string received;
  std::string problem;
  bool complete = false;

  [[nodiscard]] std::vector<std::string> lines() const {
    std::vector<std::string> all;
    std::istringstream stream(received);
    for (std::string line; std::getline(stream, line);) all.push_back(line);
    return all;
  }
  /// The answer "ok N" to the request `consoles` announces N more lines; every other answer is one line.
  void check(bool counted) {
    const std::size_t first_end = received.find('\n');
    if (first_end == std::string::npos) return;
    std::size_t wanted = 1;
    if (counted && received.starts_with("ok ")) wanted += number(received.substr(3, first_end - 3));
    complete = static_cast<std::size_t>(std::count(received.begin(), received.end(), '\n')) >= wanted;
  }
};

Result<> start_process(LinuxHost& host, const MachineSpec& spec, const std::string& name, int lock) {
  const Machine& machine = host.machine();
  LaunchSpec launched;
  launched.arguments = {name, "--dir", machine.directory()};
  if (name == "xen") {
    launched.arguments.emplace_back("--locked");
    launched.lock = lock;
    launched.arguments.insert(launched.arguments.end(), spec.serial.begin(), spec.serial.end());
  }
  if (name == "dom0")
    launched.arguments.insert(launched.arguments.end(), spec.dom0_words.begin(), spec.dom0_words.end());
  if (name == "xend") {
    launched.arguments.push_back("--console-port-base");
    launched.arguments.push_back(std::to_string(spec.console_port_base));
  }
  if (name == "xenconsoled") launched.arguments.emplace_back("--own");
  if (name == "xcs" && spec.answer != Answer::xend)
    launched.arguments.push_back(fmt::format("--answer={}", name_of(spec.answer)));
  if (name == "xenctld" && spec.queue_limit_bytes != 0) {
    launched.arguments.push_back("--queue-limit");
    launched.arguments.push_back(std::to_string(spec.queue_limit_bytes));
  }
  for (std::string& word : quirk_words(name, spec.quirks)) launched.arguments.push_back(std::move(word));
  launched.log_path = machine.log_file(name);
  launched.dies_with_us = spec.dies_with_us;
  auto process = launch(host, launched);
  if (!process) return process.error();
  return Done{};
}

/// Returns whether any process was running.
bool end_processes(const Machine& machine) {
  bool found = false;
  for (const char* name : Machine::processes) {
    const auto pid = PidFile::holder(machine.pid_file(name));
    if (!pid) continue;
    found = true;
    end_process(*pid, patience_ms);
  }
  // A hypervisor that was killed has not ended its domains.
  end_marked_processes(machine);
  return found;
}

}  // namespace

void add_port_base(Command command, std::uint16_t& port_base) {
  command
      .add_option("--console-port-base", port_base,
                  "Consoles are on 127.0.0.1 at this port + the domain's number; 0 = any free port")
      .show_default();
}

void add_answer(Command command, Answer& answer) {
  command.add_choice(
      "--answer", answer, {{"xend", Answer::xend}, {"xcs", Answer::xcs}},
      "Which daemon answers a guest's console messages: xend, as in 2005 (default), or xcs, as soon "
      "as they are in a file (early answers)");
}

void add_queue_limit(Command command, std::size_t& queue_limit_bytes) {
  command
      .add_option(
          "--queue-limit", queue_limit_bytes,
          fmt::format("The most bytes of output that xenctld keeps for each domain; it discards and counts "
                      "older ones (default: discard none; a domain waits while {} are kept)",
                      dom0::xenctld_queue_bytes_max))
      .range(dom0::xenctld_queue_bytes_min, dom0::xenctld_queue_bytes_max);
}

void add_dom0_options(Command command, MachineSpec& spec) {
  command.add_choice(
      "--dom0", spec.dom0,
      {{"xcs", Dom0Kind::xcs_xend}, {"xenctld", Dom0Kind::xenctld}, {"xenconsoled", Dom0Kind::xenconsoled}},
      "What serves the consoles: xcs, with xend behind it (default); xenctld, one daemon with a pty for each "
      "domain; or xenconsoled, as in today's Xen (ringside's own, which needs no packages)");
  add_answer(command, spec.answer);
  add_queue_limit(command, spec.queue_limit_bytes);
}

std::optional<Dom0Kind> running_dom0(const Machine& machine) {
  if (PidFile::holder(machine.pid_file("xend"))) return Dom0Kind::xcs_xend;
  if (PidFile::holder(machine.pid_file("xenctld"))) return Dom0Kind::xenctld;
  // Without xend and xenctld it is ringside's own.
  if (PidFile::holder(machine.pid_file("xenconsoled"))) return Dom0Kind::xenconsoled;
  return std::nullopt;
}

const char* console_daemon(Dom0Kind kind) {
  return kind == Dom0Kind::xcs_xend ? "xend" : controller_name(kind);
}

const char* controller_name(Dom0Kind kind) {
  switch (kind) {
    case Dom0Kind::xcs_xend:
      return "xcs";
    case Dom0Kind::xenctld:
      return "xenctld";
    case Dom0Kind::xenconsoled:
      return "xenconsoled";
  }
  return "";
}

Result<> start_machine(LinuxHost& host, const MachineSpec& spec, const MachineLock& lock) {
  const Machine& machine = host.machine();
  // Processes may remain from a machine whose hypervisor was just killed.
  for (const char* name : Machine::processes) {
    if (const auto pid = PidFile::holder(machine.pid_file(name))) {
      return Error{EBUSY, "cannot start a machine", machine.directory(),
                   fmt::format("one is running there already: {} is process {}", name, *pid),
                   "ringside down ends it, --dir names another"};
    }
  }
  const char* controller = controller_name(spec.dom0);
  if (spec.dom0 != Dom0Kind::xcs_xend &&
      !(quirk_words("xcs", spec.quirks).empty() && quirk_words("xend", spec.quirks).empty())) {
    return Error{EINVAL, "cannot start a machine", machine.directory(),
                 fmt::format("quirks of xcs or xend were asked for, and with {} neither runs", controller),
                 fmt::format("leave out --dom0 {}", controller)};
  }
  if (spec.dom0 != Dom0Kind::xcs_xend && spec.answer == Answer::xcs) {
    return Error{EINVAL, "cannot start a machine", machine.directory(),
                 fmt::format("early answers of xcs were asked for, and with {} xcs does not run", controller),
                 fmt::format("leave out --answer xcs or --dom0 {}", controller)};
  }
  end_marked_processes(machine);
  for (const std::string& name : processes_of(spec)) {
    auto started = start_process(host, spec, name, lock.descriptor());
    if (started) continue;
    stop_machine(lock);
    // The log that the error names has been removed with the rest.
    Error failure = started.error();
    failure.advice = fmt::format("ringside {} --dir {} shows more", name, machine.directory());
    return failure;
  }
  return Done{};
}

Result<> start_daemon(LinuxHost& host, const MachineSpec& spec, const std::string& name) {
  return start_process(host, spec, name, -1);
}

void stop_machine(const MachineLock& lock) {
  end_processes(lock.machine());
  lock.machine().remove();
}

Result<bool> take_down(const Machine& machine) {
  const auto until = std::chrono::steady_clock::now() + lock_patience;
  bool found = false;
  for (;;) {
    found = end_processes(machine) || found;
    auto lock = MachineLock::take_left(machine);
    if (lock && lock->has_value()) {
      machine.remove();
      return found;
    }
    if (lock) return found;
    // A process that starts a machine there notices that its hypervisor has ended, and gives up.
    if (lock.error().code != EBUSY || std::chrono::steady_clock::now() > until) return lock.error();
  }
}

Result<std::vector<std::string>> ask_xend(LinuxHost& host, const std::string& request) {
  const Dom0Kind kind = running_dom0(host.machine()).value_or(Dom0Kind::xcs_xend);
  const std::string daemon = console_daemon(kind);
  const std::string what = "cannot ask " + daemon;
  const Machine& machine = host.machine();
  const std::string socket = kind == Dom0Kind::xcs_xend  ? machine.xend_socket()
                             : kind == Dom0Kind::xenctld ? machine.xenctld_socket()
                                                         : machine.xenconsoled_socket();
  auto connection = host.connect_local(socket);
  if (!connection) {
    return Error{connection.error().code, what, socket, daemon + " does not run",
                 "ringside down and ringside up restart the machine"};
  }
  Conversation talk;
  std::string unsent = request + "\n";
  const bool counted = request == "consoles";
  host.watch(*connection, {.read = true, .write = true}, [&](Ready ready) {
    if (ready.write && !unsent.empty()) {
      const Io io =
          host.write(*connection, {reinterpret_cast<const std::uint8_t*>(unsent.data()), unsent.size()});
      if (io.state == Io::State::moved) unsent.erase(0, io.bytes);
      if (unsent.empty()) host.watch_interest(*connection, {.read = true});
    }
    std::array<std::uint8_t, 4096> bytes;
    const Io io = host.read(*connection, bytes);
    if (io.state == Io::State::moved)
      talk.received.append(reinterpret_cast<const char*>(bytes.data()), io.bytes);
    talk.check(counted);
    if (io.state == Io::State::closed) talk.problem = daemon + " closed the connection";
    if (talk.complete || io.state == Io::State::closed) host.stop(0);
  });
  const auto timer = host.timer_start(xend_timeout, [&] {
    talk.problem = daemon + " does not answer";
    host.stop(0);
  });
  host.run();
  host.timer_cancel(timer);
  if (!talk.complete)
    return Error{EIO, what, request, talk.problem, "see the log " + host.machine().log_file(daemon)};
  std::vector<std::string> lines = talk.lines();
  if (lines[0].starts_with("error "))
    return Error{EINVAL, daemon + " refused", request, lines[0].substr(6), ""};
  lines[0].erase(0, std::min<std::size_t>(lines[0].size(), 3));
  return lines;
}

namespace {

/// Requests the console's daemon to open the domain's channel and to serve its console.
Result<BuiltDomain> make_console(LinuxHost& host, DomainId domain) {
  auto answer = ask_xend(host, "console " + std::to_string(domain));
  if (!answer) return answer.error();
  BuiltDomain built{.domain = domain, .guest_port = 0, .tcp_port = 0, .telnet_port = 0, .path = {}};
  std::istringstream words(answer->at(0));
  words >> built.guest_port >> built.tcp_port >> built.telnet_port;
  std::getline(words >> std::ws, built.path);
  return built;
}

/// Makes a port of the guest that waits for a program in dom0, and stores it as the console's port.
Result<BuiltDomain> make_port(Privcmd& privcmd, DomainId domain) {
  constexpr DomainId dom0 = 0;
  auto port = privcmd.evtchn_alloc_unbound(domain, dom0);
  if (!port) return port.error();
  if (auto set = privcmd.domain_set_console_port(domain, *port); !set) return set.error();
  return BuiltDomain{.domain = domain, .guest_port = *port, .tcp_port = 0, .telnet_port = 0, .path = {}};
}

/// Adds the domain to the store, where xenconsoled finds it and makes a pty for it.
Result<BuiltDomain> make_console_today(LinuxHost& host, Privcmd& privcmd, DomainId domain) {
  auto info = dom0::furnish_today(privcmd, domain);
  if (!info) return info.error();
  if (auto added = add_to_store(host.machine(), *info); !added) return added.error();
  auto tty = wait_for_tty(host, domain);
  if (!tty) return tty.error();
  return BuiltDomain{
      .domain = domain, .guest_port = info->console_port, .tcp_port = 0, .telnet_port = 0, .path = *tty};
}

Result<BuiltDomain> make_any_console(LinuxHost& host, Privcmd& privcmd, const DomainSpec& spec, DomainId id) {
  if (running_dom0(host.machine()) == Dom0Kind::xenconsoled) {
    auto info = dom0::furnish_today(privcmd, id);
    return info ? make_console(host, id) : info.error();
  }
  if (spec.today) return make_console_today(host, privcmd, id);
  return spec.no_console ? make_port(privcmd, id) : make_console(host, id);
}

/// On a machine of ringside's own xenconsoled all domains are.
bool is_of_today(const LinuxHost& host, const DomainSpec& spec) {
  return spec.today || running_dom0(host.machine()) == Dom0Kind::xenconsoled;
}

/// Starts what the domain needs. Does nothing for a domain of 2005.
Result<> prepare_today(LinuxHost& host, const DomainSpec& spec) {
  if (!is_of_today(host, spec)) return Done{};
  const bool own = running_dom0(host.machine()) == Dom0Kind::xenconsoled;
  const auto cannot = [&](const char* why, const char* option) {
    return Error{EINVAL, "cannot build the domain", spec.name, why,
                 own ? fmt::format("leave out {}, or use a machine without --dom0 xenconsoled", option)
                     : fmt::format("leave out {} or --console today", option)};
  };
  if (!quirk_words("domu", spec.quirks).empty())
    return cannot("quirks of domu are errors of the console driver of 2005", "--quirk");
  if (spec.external) return cannot("libringside has only the console of 2005", "--external");
  if (spec.no_console) return cannot("its console is served by xenconsoled", "--no-console");
  return own ? Result<>(Done{}) : start_modern_toolstack(host, spec.dies_with_us);
}

}  // namespace

Result<BuiltDomain> build_domain(LinuxHost& host, Privcmd& privcmd, const DomainSpec& spec) {
  if (auto prepared = prepare_today(host, spec); !prepared) return prepared.error();
  auto created =
      privcmd.domain_create(spec.name, spec.abi, spec.memory_mib * 1024, spec.preserve, spec.domain);
  if (!created) return created.error();
  const DomainId domain = created->domain;
  const auto give_up = [&](const Error& error) {
    (void)privcmd.domain_destroy(domain);
    return error;
  };
  auto made = make_any_console(host, privcmd, spec, domain);
  if (!made) return give_up(made.error());
  const bool today = is_of_today(host, spec);
  const BuiltDomain& built = *made;

  auto connection = privcmd.domain_connection(domain);
  if (!connection) return give_up(connection.error());
  const Machine& machine = host.machine();
  LaunchSpec launched;
  launched.arguments = {"domu", "--dir", machine.directory()};
  if (spec.external) launched.arguments.push_back("--external");
  if (spec.raw) launched.arguments.push_back("--raw");
  if (spec.quiet) launched.arguments.push_back("--quiet");
  for (std::string& word : quirk_words("domu", spec.quirks)) launched.arguments.push_back(std::move(word));
  for (const std::string& line : spec.boot_lines) launched.arguments.push_back("--boot-line=" + line);
  launched.arguments.push_back("--");
  launched.arguments.insert(launched.arguments.end(), spec.program.begin(), spec.program.end());
  launched.environment = {machine.domain_mark(domain), "RINGSIDE_DOMAIN_NAME=" + spec.name,
                          "RINGSIDE_DOMAIN_ID=" + std::to_string(domain),
                          "RINGSIDE_CONSOLE_PORT=" + std::to_string(built.guest_port),
                          std::string("RINGSIDE_LAYOUT=") + (today ? "today" : abi_name(spec.abi))};
  launched.log_path = machine.log_file("dom" + std::to_string(domain));
  launched.connection = &*connection;
  launched.dies_with_us = spec.dies_with_us;
  launched.stopped = true;
  launched.awaited = false;
  auto process = launch(host, launched);
  if (!process) return give_up(process.error());
  if (auto set = privcmd.domain_set_process(domain, *process); !set) return give_up(set.error());
  const auto living = privcmd.domains();
  if (!living) return give_up(living.error());
  if (auto saved = save_spec(machine, domain, spec, living.value()); !saved) return give_up(saved.error());
  if (spec.paused || spec.no_console) return built;
  if (auto set_going = privcmd.domain_unpause(domain); !set_going) return give_up(set_going.error());
  return built;
}

DomainId domain_of_environment() {
  return number(environment("RINGSIDE_DOMAIN_ID", "0"));
}

domu::ShellInfo shell_info_of_environment() {
  domu::ShellInfo info;
  info.domain_name = environment("RINGSIDE_DOMAIN_NAME", "domU");
  info.domain = domain_of_environment();
  info.console_port = number(environment("RINGSIDE_CONSOLE_PORT", "1"));
  info.layout = environment("RINGSIDE_LAYOUT", "sring");
  return info;
}

}  // namespace ringside::tools
