// toolstack: what `xl create` leaves running in the background, for all domains of today at once.
#include <csignal>

#include "emu/domu/port_events.h"
#include "emu/host/launch.h"
#include "emu/host/linux_host.h"
#include "emu/host/machine_lock.h"
#include "tools/command.h"
#include "tools/machine/store_nodes.h"

namespace ringside::tools {

namespace {

/// Destroys those that have shut down, unless they are to be preserved. dom0's daemons of 2005 do that for
/// domains of 2005.
Result<> destroy_finished(Privcmd& privcmd) {
  auto domains = privcmd.domains();
  if (!domains) return domains.error();
  for (const DomainInfo& info : *domains) {
    const bool finished = info.today() && info.state.shutdown != 0 && info.preserve == 0 &&
                          (info.reason == ShutdownReason::poweroff || info.reason == ShutdownReason::reboot);
    if (!finished) continue;
    if (auto destroyed = privcmd.domain_destroy(info.domain); !destroyed && destroyed.error().code != ESRCH)
      return destroyed;
  }
  return Done{};
}

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
  auto self = privcmd->start_info();
  if (!self) return failed(self.error());
  auto frame = host.frame_map(self->frame);
  if (!frame) return failed(frame.error());
  auto port = privcmd->evtchn_bind_virq(VIRQ_DOM_EXC, true);
  if (!port) return failed(port.error());

  const auto look = [&] {
    if (auto destroyed = destroy_finished(*privcmd); !destroyed) host.warn(destroyed.error().text());
    // Without xenstored there is nothing to update: its successor's store is empty.
    if (!PidFile::holder(machine.pid_file("xenstored"))) return;
    if (auto updated = update_store(machine, *privcmd); !updated) host.warn(updated.error().text());
  };
  trace::NullSink silent;
  domu::PortEvents events(host, trace::Journal(silent, trace::dom0_actor), *privcmd, frame->frame(),
                          self->info.abi);
  if (auto bound = events.bind(*port, look); !bound) return failed(bound.error());
  privcmd->watch([&] { host.stop(exit_good); });
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) host.on_signal(number, [&] { host.stop(exit_good); });
  ready();
  look();
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
