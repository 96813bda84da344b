// create, list, pause, unpause, shutdown, destroy, sysrq: the life of domains, as people know it from xm.
#include <cstdio>
#include <map>
#include <memory>
#include <sstream>

#include "emu/host/linux_host.h"
#include "tools/builder.h"
#include "tools/command.h"

namespace ringside::tools {

namespace {

/// A host and a connection as dom0, for commands that are one conversation.
struct Dom0 {
  LinuxHost host;
  Result<Privcmd> privcmd;

  Dom0(const Session& session, const std::string& name)
      : host(name, session.machine()), privcmd(host.connect_dom0()) {}
};

int create(const Session& session, const DomainSpec& spec) {
  Dom0 dom0(session, "create");
  if (!dom0.privcmd) return failed(dom0.privcmd.error());
  auto built = build_domain(dom0.host, *dom0.privcmd, spec);
  if (!built) return failed(built.error());
  const std::string tcp =
      built->tcp_port != 0 ? fmt::format("127.0.0.1 port {} and on ", built->tcp_port) : std::string();
  std::printf("domain %u \"%s\"%s: console on %s%s\n", built->domain, spec.name.c_str(),
              spec.paused ? ", paused" : "", tcp.c_str(), built->path.c_str());
  return exit_good;
}

/// xm's letters: running, paused, shut down, crashed, dying.
std::string state_letters(const DomainState& state) {
  std::string letters = "-----";
  if (state.running && !state.paused) letters[0] = 'r';
  if (state.paused) letters[1] = 'p';
  if (state.shutdown) letters[2] = 's';
  if (state.crashed) letters[3] = 'c';
  if (state.dying) letters[4] = 'd';
  return letters;
}

/// Where each console is: its TCP port under xend, its pty or file under xenctld.
std::map<DomainId, std::string> console_ports(LinuxHost& host) {
  std::map<DomainId, std::string> ports;
  const auto answer = ask_xend(host, "consoles");
  if (!answer) return ports;
  for (const std::string& line : answer.value()) {
    std::istringstream words(line);
    DomainId domain = 0;
    std::string port;
    std::string status;
    if (!(words >> domain >> port >> status)) continue;
    ports[domain] = port != "0" ? port : line.substr(line.rfind('/') + 1);
  }
  return ports;
}

int list(const Session& session) {
  Dom0 dom0(session, "list");
  if (!dom0.privcmd) return failed(dom0.privcmd.error());
  const auto domains = dom0.privcmd->domains();
  if (!domains) return failed(domains.error());
  const auto ports = console_ports(dom0.host);
  std::printf("%-20s %4s %8s %-5s %-5s %8s %5s %8s\n", "Name", "Id", "Mem(MiB)", "State", "Abi", "Frame",
              "Port", "Console");
  for (const DomainInfo& info : domains.value()) {
    const auto console = ports.find(info.domain);
    std::printf("%-20s %4u %8u %-5s %-5s %#8x %5u %8s\n", info.name, info.domain, info.memory_kib / 1024,
                state_letters(info.state).c_str(), info.abi == ring::Abi::flat ? "flat" : "sring",
                info.shared_info_frame, info.console_port,
                console != ports.end() ? console->second.c_str() : "-");
  }
  return exit_good;
}

/// Runs `act` on the domain that the person named.
int on_domain(const Session& session, const std::string& command, const std::string& name,
              const std::function<Result<>(Dom0&, const DomainInfo&)>& act) {
  Dom0 dom0(session, command);
  if (!dom0.privcmd) return failed(dom0.privcmd.error());
  const auto info = dom0.privcmd->domain_find(name);
  if (!info) return failed(info.error());
  if (auto done = act(dom0, info.value()); !done) return failed(done.error());
  return exit_good;
}

Result<> ask(Dom0& dom0, const std::string& request) {
  const auto answer = ask_xend(dom0.host, request);
  if (!answer) return answer.error();
  return Done{};
}

using Act = std::function<Result<>(Dom0&, const DomainInfo&)>;

CLI::App* add_domain_command(CLI::App& app, Session& session, const std::string& name,
                             const std::string& what, const std::string& examples, Act act) {
  CLI::App* command = add_command(app, session, name, what, examples);
  const auto domain = std::make_shared<std::string>();
  command->add_option("DOMAIN", *domain, "Its name or number")->required();
  command->callback([&session, name, domain, act = std::move(act)] {
    session.run = [&session, name, domain, act] { return on_domain(session, name, *domain, act); };
  });
  return command;
}

void add_create(CLI::App& app, Session& session) {
  CLI::App* command = add_command(app, session, "create", "Boot a domU whose console runs PROGRAM",
                                  "  ringside create web                     the built-in shell\n"
                                  "  ringside create web -- /bin/sh          a real one\n"
                                  "  ringside create old --abi flat -- top");
  const auto spec = std::make_shared<DomainSpec>();
  command->add_option("NAME", spec->name, "The domain's name")->required();
  command->add_option("PROGRAM", spec->program,
                      "After --: what runs on its console (default: the built-in shell)");
  add_guest_options(command, *spec);
  command->add_option("--memory", spec->memory_mib, "MiB that `list` shows")->capture_default_str();
  command->add_flag("--paused", spec->paused, "Leave it paused; `ringside unpause` sets it going");
  command->add_flag("--preserve", spec->preserve, "Keep it in the list after its shutdown");
  command->callback([&session, spec] { session.run = [&session, spec] { return create(session, *spec); }; });
}

}  // namespace

void add_guest_options(CLI::App* command, DomainSpec& spec) {
  static const std::map<std::string, ring::Abi> abis{{"sring", ring::Abi::sring}, {"flat", ring::Abi::flat}};
  command
      ->add_option(
          "--abi", spec.abi,
          "The layout of its rings: sring (xen-3.0-devel, default) or flat (xen-2.0; that flat meets xcs is "
          "a hybrid which history never had)")
      ->transform(CLI::CheckedTransformer(abis).description("sring|flat"));
  command->add_flag("--raw", spec.raw,
                    "The guest's terminal does not echo, translate or turn keys into signals");
}

void add_domain_commands(CLI::App& app, Session& session) {
  add_create(app, session);
  CLI::App* listing =
      add_command(app, session, "list", "All domains: state, frame, port and console",
                  "  ringside list        State: r running, p paused, s shut down, c crashed");
  listing->callback([&session] { session.run = [&session] { return list(session); }; });

  add_domain_command(
      app, session, "pause", "Stop a domain's processes where they are", "  ringside pause web",
      [](Dom0& dom0, const DomainInfo& info) { return dom0.privcmd->domain_pause(info.domain); });
  add_domain_command(
      app, session, "unpause", "Let a paused domain go on", "  ringside unpause web",
      [](Dom0& dom0, const DomainInfo& info) { return dom0.privcmd->domain_unpause(info.domain); });
  add_domain_command(
      app, session, "destroy", "End a domain at once", "  ringside destroy web",
      [](Dom0& dom0, const DomainInfo& info) { return dom0.privcmd->domain_destroy(info.domain); });

  const auto reboot = std::make_shared<bool>(false);
  CLI::App* shutdown = add_domain_command(
      app, session, "shutdown", "Ask a domain to shut down (CMSG_SHUTDOWN), and wait for its answer",
      "  ringside shutdown web\n  ringside shutdown web --reboot        its reason will be reboot",
      [reboot](Dom0& dom0, const DomainInfo& info) {
        return ask(dom0, fmt::format("shutdown {} {}", info.domain, *reboot ? "reboot" : "poweroff"));
      });
  shutdown->add_flag("--reboot", *reboot, "Ask for a reboot instead");

  const auto key = std::make_shared<std::string>();
  CLI::App* sysrq = add_domain_command(app, session, "sysrq", "Press a system request key at a domain",
                                       "  ringside sysrq web h", [key](Dom0& dom0, const DomainInfo& info) {
                                         return ask(dom0, fmt::format("sysrq {} {}", info.domain, *key));
                                       });
  sysrq->add_option("KEY", *key, "One character")->required();
}

}  // namespace ringside::tools
