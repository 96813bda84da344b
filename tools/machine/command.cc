// up and down: a machine in the background.
#include <csignal>
#include <cstdio>
#include <memory>

#include "emu/host/linux_host.h"
#include "tools/command.h"
#include "tools/machine/builder.h"
#include "tools/machine/quirks.h"
#include "tools/machine/serial.h"

namespace ringside::tools {

void add_machine_commands(Command app, Session& session) {
  Command up = add_command(
      app, session, "up", "Start a machine in the background: xen, xcs and xend or xenctld, dom0",
      "  ringside up\n"
      "  ringside up --dom0 xenctld          a pty for each domain\n"
      "  ringside up --answer xcs            faster than in 2005: xcs answers console messages itself\n"
      "  ringside up --quirk xcs-drop-when-full    as it was in 2005; see `ringside quirks`\n"
      "  ringside up --com1 unix:/tmp/com1 --com1-speed 9600    a slow serial line on a socket\n"
      "  ringside up --dir /tmp/other --console-port-base 0        a second machine");
  const auto spec = std::make_shared<MachineSpec>();
  add_port_base(up, spec->console_port_base);
  add_dom0_options(up, *spec);
  const auto serial = std::make_shared<SerialSpec>();
  add_serial_options(up, *serial, false);
  add_quirks(up, {"xcs", "xend"}, spec->quirks);
  up.callback([&session, spec, serial] {
    spec->serial = serial_words(*serial);
    spec->dom0_kernel = true;
    session.run = [&session, spec] {
      LinuxHost host("up", session.machine());
      auto lock = MachineLock::take(session.machine());
      if (!lock) return failed(lock.error());
      if (auto started = start_machine(host, *spec, *lock); !started) return failed(started.error());
      std::printf("%s are running in %s%s\n",
                  spec->dom0 == Dom0Kind::xcs_xend
                      ? "xen, xcs, xend and dom0"
                      : fmt::format("xen, {} and dom0", controller_name(spec->dom0)).c_str(),
                  session.directory.c_str(),
                  spec->answer == Answer::xcs ? ", with early answers of xcs" : "");
      return exit_good;
    };
  });

  Command down =
      add_command(app, session, "down",
                  "End the machine and its domains, and remove the files that they made", "  ringside down");
  down.callback([&session] {
    session.run = [&session] {
      // If the command was typed at dom0's own console, this terminal hangs up before the command ends.
      std::signal(SIGHUP, SIG_IGN);
      const auto found = take_down(session.machine());
      if (!found) return failed(found.error());
      std::printf(found.value() ? "the machine in %s has ended\n" : "no machine is running in %s\n",
                  session.directory.c_str());
      return exit_good;
    };
  });
}

}  // namespace ringside::tools
