// toolstack: what `xl create` leaves running in the background, for all domains of today at once. It also
// keeps the store, if there is one, in agreement with the hypervisor.
#include <csignal>

#include "emu/dom0/toolstack/toolstack.h"
#include "emu/host/launch.h"
#include "emu/host/linux_host.h"
#include "emu/host/machine_lock.h"
#include "tools/command.h"
#include "tools/machine/store_nodes.h"

namespace ringside::tools {

namespace {

int run_toolstack(const Session& session) {
  const Machine machine = session.machine();
  if (!MachineMark::read(machine)) {
    return failed({ENOENT, "no machine is running", machine.directory(), "this directory has none",
                   "ringside up starts one; --dir names another"});
  }
  if (auto good = machine.check(); !good) return failed(good.error());
  auto held = PidFile::take(machine.pid_file("toolstack"));
  if (!held) return failed(held.error());
  LinuxHost host("toolstack", machine);
  auto privcmd = host.connect_dom0();
  if (!privcmd) return failed(privcmd.error());
  trace::NullSink silent;
  privcmd->watch([&] { host.stop(exit_good); });
  dom0::Toolstack toolstack(host, trace::Journal(silent, trace::dom0_actor), std::move(*privcmd),
                            [&](Privcmd& calls) {
                              // Without xenstored there is nothing to update: its successor's store is empty.
                              if (!PidFile::holder(machine.pid_file("xenstored"))) return;
                              if (auto updated = update_store(machine, calls); !updated)
                                host.warn(updated.error().text());
                            });
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) host.on_signal(number, [&] { host.stop(exit_good); });
  if (auto started = toolstack.start(); !started) return failed(started.error());
  ready();
  return host.run();
}

}  // namespace

void add_toolstack_command(Command app, Session& session) {
  Command command = add_command(
      app, session, "toolstack",
      "Removes domains of today when they have ended, and their nodes in the store",
      "  ringside toolstack --dir /tmp/m1        `create --console today` starts it when it is needed");
  command.group(processes_group);
  command.callback([&session] { session.run = [&session] { return run_toolstack(session); }; });
}

}  // namespace ringside::tools
