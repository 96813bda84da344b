// modern: runs a program of today's Xen on a machine. xenstored: the same for that daemon.
#include <memory>

#include "emu/host/foreign_program.h"
#include "emu/host/launch.h"
#include "tools/command.h"
#include "tools/machine/modern_daemons.h"
#include "tools/machine/store_nodes.h"

namespace ringside::tools {

namespace {

constexpr const char* cannot_enter = "cannot run a program in the domain";

/// The id of the domain in which a program is to run; an empty name is dom0's.
Result<DomainId> domain_to_enter(Privcmd& privcmd, const std::string& name) {
  if (name.empty()) return DomainId{0};
  auto found = privcmd.domain_find(name);
  if (!found) return found.error();
  if (found->state.shutdown != 0 || found->state.crashed != 0)
    return Error{EINVAL, cannot_enter, name, "the domain has ended", "ringside list shows the domains"};
  if (found->state.paused != 0)
    return Error{EBUSY, cannot_enter, name, "the domain is paused", "ringside unpause " + name};
  return found->domain;
}

int run_modern(const Session& session, const std::string& domain_name,
               const std::vector<std::string>& words) {
  const Machine machine = session.machine();
  {
    LinuxHost host("modern", machine);
    auto privcmd = host.connect_dom0();
    if (!privcmd) return failed(privcmd.error());
    auto domain = domain_to_enter(*privcmd, domain_name);
    if (!domain) return failed(domain.error());
    if (auto started = start_modern_daemons(host); !started) return failed(started.error());
    if (auto updated = update_store(machine, *privcmd); !updated) return failed(updated.error());
    if (auto entered = enter_modern_environment(machine, *domain); !entered) return failed(entered.error());
  }
  const std::string path = find_program(words[0]);
  if (path.empty()) {
    return failed({ENOENT, "cannot start the program", words[0], "there is no such program",
                   "is it installed, in PATH or in /usr/lib/xen-*/bin?"});
  }
  return failed(become_foreign_program(path, words));
}

}  // namespace

void add_modern_commands(Command app, Session& session) {
  Command modern = add_command(
      app, session, "modern", "Run a program of today's Xen, unmodified, on a machine of ringside",
      "  ringside modern -- xl list\n"
      "  ringside modern -- xenstore-ls -f\n"
      "  ringside modern -- xl dmesg\n"
      "  ringside modern -- sh        a shell in which all of Xen's programs run on the machine\n"
      "  ringside modern --domain web -- ./program        as a program of domain web, not of dom0\n"
      "The program is unmodified; libraries of ringside take the place of Xen's lowest ones. The first\n"
      "use starts Debian's xenstored and xenconsoled, and each use writes the domains' names into the\n"
      "store. Exits with the program's own status. A call that ringside does not have returns ENOSYS, and\n"
      "a line on stderr names it. With --domain, event channels and grants are the domain's, calls that\n"
      "only dom0 may make return EPERM, and the program is paused, and ends, with the domain. The store\n"
      "still takes it for a program of dom0.");
  const auto words = std::make_shared<std::vector<std::string>>();
  const auto domain = std::make_shared<std::string>();
  modern
      .add_option("--domain", *domain,
                  "The domain that the program runs in: its name or number (default: dom0)")
      .type_name("DOMAIN");
  modern.add_option("COMMAND", *words, "After --: the program and its arguments").required();
  modern.callback([&session, domain, words] {
    session.run = [&session, domain, words] { return run_modern(session, *domain, *words); };
  });

  Command xenstored =
      add_command(app, session, "xenstored", "Today's xenstored, Debian's own, on a machine",
                  "  ringside xenstored --dir /tmp/m1        `modern` starts it when it is needed");
  xenstored.group(processes_group);
  xenstored.callback(
      [&session] { session.run = [&session] { return failed(become_xenstored(session.machine())); }; });
}

}  // namespace ringside::tools
