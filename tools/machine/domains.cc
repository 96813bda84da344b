// create, pause, unpause, destroy, sysrq: commands known from xm. Commands that wait for a guest are in
// life.cc.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "emu/dom0/requests/dom0_request.h"
#include "tools/machine/dom0_channel.h"
#include "tools/machine/domain_command.h"
#include "tools/machine/quirks.h"

namespace ringside::tools {

namespace {

constexpr unsigned domains_at_once_max = 1000;

int create(Dom0& dom0, const DomainSpec& spec) {
  auto built = build_domain(dom0.host, *dom0.privcmd, spec);
  if (!built) return failed(built.error());
  print_built(spec, *built);
  return exit_good;
}

/// `count`: so many domains, named with a number; 0: one with the name itself. Ends at the first that fails.
int create(const Session& session, const DomainSpec& spec, unsigned count) {
  Dom0 dom0(session, "create");
  if (!dom0.privcmd) return failed(dom0.privcmd.error());
  if (count == 0) return create(dom0, spec);
  for (unsigned number = 1; number <= count; ++number) {
    DomainSpec each = spec;
    each.name += std::to_string(number);
    if (const int status = create(dom0, each); status != exit_good) return status;
  }
  return exit_good;
}

/// Runs `act` on the domain that the user named.
int on_domain(const Session& session, const std::string& command, const std::string& name,
              const std::function<Result<>(Dom0&, const DomainInfo&)>& act) {
  Dom0 dom0(session, command);
  if (!dom0.privcmd) return failed(dom0.privcmd.error());
  const auto info = dom0.privcmd->domain_find(name);
  if (!info) return failed(info.error());
  if (auto done = act(dom0, info.value()); !done) return failed(done.error());
  return exit_good;
}

/// Returns what is wrong with a boot line, or an empty text.
std::string problem_of_line(const std::string& text) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
  return std::ranges::any_of(text, control) ? "a boot line has no control characters" : "";
}

void add_create(Command app, Session& session) {
  Command command =
      add_command(app, session, "create", "Boot a domU whose console runs PROGRAM",
                  "  ringside create web                     the built-in shell\n"
                  "  ringside create web -- /bin/sh          a real one\n"
                  "  ringside create old --abi flat -- top\n"
                  "  ringside create student --count 30 -- sh    student1 to student30\n"
                  "  ringside create new --console today -- sh    then: ringside modern -- xl console new\n"
                  "  ringside create echo --external -- ./domu    a guest written with libringside");
  const auto spec = std::make_shared<DomainSpec>();
  command.add_option("NAME", spec->name, "The domain's name").required();
  const Option program = command.add_option(
      "PROGRAM", spec->program, "After --: what runs on its console (default: the built-in shell)");
  const Option raw = add_guest_options(command, *spec);
  command
      .add_flag("--external", spec->external,
                "PROGRAM is the guest itself: its process has the domain's connection to the hypervisor and "
                "uses it through libringside")
      .needs(program)
      .excludes(raw);
  command.add_flag("--no-console", spec->no_console,
                   "Leave the console to another program of dom0: the port in the start info waits for it, "
                   "and the domain stays paused");
  command
      .add_option("--memory", spec->memory_mib,
                  "Its memory limit in MiB: only a number, which `list` shows and `balloon` lowers")
      .range(memory_mib_min, memory_mib_max)
      .show_default();
  command
      .add_option("--boot-line", spec->boot_lines,
                  "A line that it prints as it boots; may be given more than once")
      .one_at_a_time()
      .check(problem_of_line, "LINE");
  add_quirks(command, {"domu"}, spec->quirks);
  const auto count = std::make_shared<unsigned>(0);
  command.add_option("--count", *count, "Create so many: NAME1, NAME2 ...").range(1U, domains_at_once_max);
  command.add_flag("--paused", spec->paused, "Leave it paused; `ringside unpause` starts it");
  command.add_flag("--preserve", spec->preserve, "Keep it in the list after its shutdown");
  command.callback([&session, spec, count] {
    session.run = [&session, spec, count] { return create(session, *spec, *count); };
  });
}

}  // namespace

Command add_domain_command(Command app, Session& session, const std::string& name, const std::string& what,
                           const std::string& examples, Act act) {
  Command command = add_command(app, session, name, what, examples);
  const auto domain = std::make_shared<std::string>();
  command.add_option("DOMAIN", *domain, "Its name or number").required();
  command.callback([&session, name, domain, act = std::move(act)] {
    session.run = [&session, name, domain, act] { return on_domain(session, name, *domain, act); };
  });
  return command;
}

Result<> ask(Dom0& dom0, const std::string& request) {
  const auto answer = ask_xend(dom0.host, request);
  if (!answer) return answer.error();
  return Done{};
}

Result<> has_control_channel(const char* what, const DomainInfo& info) {
  if (!info.today()) return Done{};
  return Error{EOPNOTSUPP, what, fmt::format("domain {}", info.name),
               "its console is today's, and it has no control channel for requests",
               fmt::format("end its program on the console; ringside destroy {} ends it at once", info.name)};
}

void print_built(const DomainSpec& spec, const BuiltDomain& built) {
  if (spec.no_console) {
    std::printf(
        "domain %u \"%s\", paused: port %u waits for dom0; ringside unpause %s once a program serves it\n",
        built.domain, spec.name.c_str(), built.guest_port, spec.name.c_str());
    return;
  }
  const std::string tcp = built.tcp_port != 0 ? fmt::format("127.0.0.1 port {} (telnet: {}) and on ",
                                                            built.tcp_port, built.telnet_port)
                                              : std::string();
  std::printf("domain %u \"%s\"%s: console on %s%s\n", built.domain, spec.name.c_str(),
              spec.paused ? ", paused" : "", tcp.c_str(), built.path.c_str());
}

Option add_guest_options(Command command, DomainSpec& spec) {
  command.add_choice("--abi", spec.abi, {{"sring", ring::Abi::sring}, {"flat", ring::Abi::flat}},
                     "The layout of its rings: sring (xen-3.0-devel, default) or flat (xen-2.0; flat with "
                     "xcs is a combination that never existed)");
  command.add_choice("--console", spec.today, {{"2005", false}, {"today", true}},
                     "Its console: the control interface of 2005 (default), or that of today's Xen, which "
                     "Debian's xenconsoled serves on a pty");
  return command.add_flag("--raw", spec.raw,
                          "The guest's terminal does not echo, translate or turn keys into signals");
}

void add_domain_commands(Command app, Session& session) {
  add_create(app, session);
  add_domain_command(
      app, session, "pause", "Pause a domain: stop its processes", "  ringside pause web",
      [](Dom0& dom0, const DomainInfo& info) { return dom0.privcmd->domain_pause(info.domain); });
  add_domain_command(
      app, session, "unpause", "Continue a paused domain", "  ringside unpause web",
      [](Dom0& dom0, const DomainInfo& info) { return dom0.privcmd->domain_unpause(info.domain); });
  add_domain_command(
      app, session, "destroy", "End a domain at once", "  ringside destroy web",
      [](Dom0& dom0, const DomainInfo& info) { return dom0.privcmd->domain_destroy(info.domain); });

  const auto key = std::make_shared<std::string>();
  Command sysrq = add_domain_command(
      app, session, "sysrq", "Send a system request key to a domain",
      "  ringside sysrq web h\n  ringside sysrq Domain-0 h        through the channel from dom0 to itself",
      [key](Dom0& dom0, const DomainInfo& info) {
        if (auto can = has_control_channel("cannot send a key", info); !can) return can;
        if (info.domain != 0) return ask(dom0, fmt::format("sysrq {} {}", info.domain, *key));
        const auto answer = ask_dom0_kernel(dom0.host, dom0::sysrq_message((*key)[0]));
        return answer ? Result<>(Done{}) : answer.error();
      });
  const auto problem_of_key = [](const std::string& text) {
    return text.size() == 1 ? "" : "a key is one character";
  };
  sysrq.add_option("KEY", *key, "One character").required().check(problem_of_key, "KEY");
}

}  // namespace ringside::tools
