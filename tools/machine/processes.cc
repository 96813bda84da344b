// The single processes of a machine, in the foreground. `up`, `create` and `exec` start them in the
// background; a user starts one by hand to watch it.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <random>

#include "emu/dom0/xcs/xcs.h"
#include "emu/dom0/xenconsoled/xenconsoled.h"
#include "emu/dom0/xenctld/xenctld.h"
#include "emu/dom0/xend/xend.h"
#include "emu/domu/dom0_kernel.h"
#include "emu/domu/domain.h"
#include "emu/domu/shell.h"
#include "emu/host/fault_table.h"
#include "emu/host/journal_log.h"
#include "emu/host/launch.h"
#include "emu/host/linux_host.h"
#include "emu/host/linux_terminal.h"
#include "emu/host/machine_lock.h"
#include "emu/host/seal.h"
#include "emu/trace/text.h"
#include "emu/xen/hypervisor.h"
#include "tools/command.h"
#include "tools/machine/builder.h"
#include "tools/machine/modern_daemons.h"
#include "tools/machine/quirks.h"
#include "tools/machine/serial.h"

namespace ringside::tools {

namespace {

/// What each process of a machine has besides its component.
struct ProcessSetup {
  /// Empty for a domU, whose process the hypervisor knows. It is destroyed last: `down` treats a process
  /// without a pid file as gone, and removes its files from the directory.
  std::unique_ptr<PidFile> pid_file;
  std::unique_ptr<LinuxHost> host;
  std::unique_ptr<trace::Sink> sink;
};

Result<ProcessSetup> set_up_process(const Session& session, trace::Actor self, bool with_pid_file) {
  ProcessSetup setup;
  const std::string name = trace::actor_name(self);
  const Machine machine = session.machine();
  setup.host = std::make_unique<LinuxHost>(name, machine);
  if (!MachineMark::read(machine)) {
    return Error{ENOENT, "no machine is running", machine.directory(), "this directory has none",
                 "ringside up starts one; --dir names another"};
  }
  if (auto good = machine.check(); !good) return good.error();
  if (with_pid_file) {
    auto taken = PidFile::take(machine.pid_file(name));
    if (!taken) return taken.error();
    setup.pid_file = std::make_unique<PidFile>(std::move(*taken));
  }
  auto writer = JournalWriter::open(machine.journal_directory(), name);
  if (!writer) return writer.error();
  setup.sink = std::move(*writer);
  if (auto faults = FaultTable::find(*setup.host, machine)) {
    setup.host->inject_faults(std::move(*faults), [journal = trace::Journal(*setup.sink, self)](
                                                      const FaultRule& rule, DomainId guest) mutable {
      journal.told(guest, fact_of_fault(rule), {}, rule.to);
    });
  }
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    setup.host->on_signal(number, [host = setup.host.get()] { host->stop(exit_good); });
  }
  return setup;
}

/// Restricts the process's system calls, now that it has everything it needs. If Linux cannot do that, the
/// process warns and runs without.
void seal_process(ProcessSetup& setup, Sealed process, trace::Actor self) {
  if (auto sealed = seal(process, trace::actor_name(self)); !sealed) setup.host->warn(sealed.error().text());
}

int run_xen(const Session& session, bool locked, const SerialSpec& serial) {
  const Machine machine = session.machine();
  const auto lock = locked ? MachineLock::inherit(machine, lock_descriptor) : MachineLock::take(machine);
  if (!lock) return failed(lock.error());
  auto setup = set_up_process(session, trace::actor(trace::Role::xen), true);
  if (!setup) return failed(setup.error());
  machine.forget_kept();
  auto console = serial_options(*setup->host, serial);
  if (!console) return failed(console.error());
  std::optional<RawTerminal> raw;
  if (console->line.end == xen::SerialLineOptions::End::streams) raw.emplace(0);
  xen::Hypervisor hypervisor(*setup->host, trace::Journal(*setup->sink, trace::actor(trace::Role::xen)),
                             {.console = std::move(*console)});
  if (auto started = hypervisor.start(); !started) return failed(started.error());
  seal_process(*setup, Sealed::xen, trace::actor(trace::Role::xen));
  ready();
  const int status = setup->host->run();
  hypervisor.shutdown_all();
  return status;
}

/// How long a daemon waits for one hypercall. Before that it has asked whether the hypervisor answers at all.
constexpr std::chrono::milliseconds daemon_patience{1000};

/// Runs a daemon of dom0 to its end and returns its status. A non-zero status means that the hypervisor has
/// died. A running guest notices that itself; a paused or suspended guest would wait for ever, so this
/// function wakes it.
int run_daemon(LinuxHost& host, const Machine& machine) {
  host.wait_for_hypercalls(daemon_patience);
  const int status = host.run();
  if (status != exit_good) wake_marked_processes(machine);
  return status;
}

std::uint64_t session_seed() {
  std::random_device source;
  return (std::uint64_t{source()} << 32) | source();
}

/// An earlier xcs may have left files with messages that it has answered. Only an xcs with early answers
/// reads these files.
bool answered_early(LinuxHost& host, const Machine& machine) {
  return std::ranges::any_of(host.memory_names(machine.directory()), dom0::EarlyStore::is_file_name);
}

int run_xcs(const Session& session, Quirks quirks, Answer answer) {
  auto setup = set_up_process(session, trace::actor(trace::Role::xcs), true);
  if (!setup) return failed(setup.error());
  if (answered_early(*setup->host, session.machine())) answer = Answer::xcs;
  auto privcmd = setup->host->connect_dom0();
  if (!privcmd) return failed(privcmd.error());
  const Machine machine = session.machine();
  dom0::Xcs xcs(*setup->host, trace::Journal(*setup->sink, trace::actor(trace::Role::xcs)),
                std::move(*privcmd),
                {.socket_path = machine.xcs_socket(),
                 .session_seed = session_seed(),
                 .quirks = quirks,
                 .answer = answer,
                 .directory = machine.directory()});
  if (auto started = xcs.start(); !started) return failed(started.error());
  seal_process(*setup, answer == Answer::xcs ? Sealed::xcs_early : Sealed::xcs,
               trace::actor(trace::Role::xcs));
  ready();
  return run_daemon(*setup->host, machine);
}

int run_xend(const Session& session, std::uint16_t port_base, Quirks quirks) {
  auto setup = set_up_process(session, trace::actor(trace::Role::xend), true);
  if (!setup) return failed(setup.error());
  auto privcmd = setup->host->connect_dom0();
  if (!privcmd) return failed(privcmd.error());
  const Machine machine = session.machine();
  dom0::Xend xend(*setup->host, trace::Journal(*setup->sink, trace::actor(trace::Role::xend)),
                  std::move(*privcmd),
                  {.xcs_socket = machine.xcs_socket(),
                   .management_socket = machine.xend_socket(),
                   .console_directory = machine.directory(),
                   .console_port_base = port_base,
                   .quirks = quirks,
                   .seed = session_seed()});
  if (auto started = xend.start(ready); !started) return failed(started.error());
  seal_process(*setup, Sealed::xend, trace::actor(trace::Role::xend));
  return run_daemon(*setup->host, session.machine());
}

int run_xenctld(const Session& session, std::size_t queue_limit_bytes) {
  auto setup = set_up_process(session, trace::actor(trace::Role::xenctld), true);
  if (!setup) return failed(setup.error());
  auto privcmd = setup->host->connect_dom0();
  if (!privcmd) return failed(privcmd.error());
  const Machine machine = session.machine();
  if (PidFile::holder(machine.pid_file("xcs"))) {
    return failed({EBUSY, "cannot serve the consoles", machine.directory(), "xcs serves them",
                   "a machine has xcs and xend, or xenctld"});
  }
  dom0::Xenctld xenctld(*setup->host, trace::Journal(*setup->sink, trace::actor(trace::Role::xenctld)),
                        std::move(*privcmd),
                        {.management_socket = machine.xenctld_socket(),
                         .console_directory = machine.directory(),
                         .queue_limit_bytes = queue_limit_bytes});
  if (auto started = xenctld.start(); !started) return failed(started.error());
  seal_process(*setup, Sealed::xenctld, trace::actor(trace::Role::xenctld));
  ready();
  return run_daemon(*setup->host, machine);
}

int run_xenconsoled(const Session& session) {
  const trace::Actor self = trace::actor(trace::Role::xenconsoled);
  auto setup = set_up_process(session, self, true);
  if (!setup) return failed(setup.error());
  auto privcmd = setup->host->connect_dom0();
  if (!privcmd) return failed(privcmd.error());
  const Machine machine = session.machine();
  dom0::Xenconsoled xenconsoled(
      *setup->host, trace::Journal(*setup->sink, self), std::move(*privcmd),
      {.management_socket = machine.xenconsoled_socket(), .console_directory = machine.directory()});
  if (auto started = xenconsoled.start(); !started) return failed(started.error());
  seal_process(*setup, Sealed::xenconsoled, self);
  ready();
  return run_daemon(*setup->host, machine);
}

/// Programs on dom0's ttys find this program in PATH, and this machine in RINGSIDE_DIR.
void set_dom0_environment(const Machine& machine) {
  const char* path = std::getenv("PATH");
  const std::string own = std::filesystem::path(own_program()).parent_path().string();
  setenv("PATH", (own + ":" + (path != nullptr ? path : "/usr/bin:/bin")).c_str(), 1);
  setenv("RINGSIDE_DIR", machine.directory().c_str(), 1);
  const std::string mark = machine.domain_mark(0);
  const std::size_t name_end = mark.find('=');
  setenv(mark.substr(0, name_end).c_str(), mark.substr(name_end + 1).c_str(), 1);
  setenv("PS1", "dom0# ", 1);
}

int run_dom0(const Session& session, ProgramSpec program) {
  auto setup = set_up_process(session, trace::dom0_actor, true);
  if (!setup) return failed(setup.error());
  auto privcmd = setup->host->connect_dom0();
  if (!privcmd) return failed(privcmd.error());
  const Machine machine = session.machine();
  set_dom0_environment(machine);
  domu::Dom0Kernel kernel(*setup->host, trace::Journal(*setup->sink, trace::dom0_actor), std::move(*privcmd),
                          {.program = std::move(program), .keyboard_socket = machine.keyboard_socket()});
  if (auto started = kernel.start(); !started) return failed(started.error());
  ready();
  setup->host->wait_for_hypercalls(daemon_patience);
  return setup->host->run();
}

int run_domu(const Session& session, domu::DomUOptions options, bool external) {
  adopt_orphans();
  if (external) return failed(become_program(options.argv));
  wait_for_resume();
  const trace::Actor self = trace::actor(trace::Role::domain, domain_of_environment());
  auto setup = set_up_process(session, self, false);
  if (!setup) return failed(setup.error());
  setup->host->reap_orphans();
  if (options.argv.empty()) options.argv = {own_program(), "shell"};
  domu::DomU domain(*setup->host, trace::Journal(*setup->sink, self),
                    Privcmd(*setup->host, setup->host->adopt(connection_descriptor)), std::move(options));
  if (auto started = domain.start(); !started) return failed(started.error());
  // The guest's program is already running, without restrictions.
  seal_process(*setup, Sealed::domu, self);
  return setup->host->run();
}

int run_shell() {
  // Ctrl-C does not end the shell. The terminal discards the line that is being typed.
  std::signal(SIGINT, SIG_IGN);
  return domu::shell_main(std::cin, std::cout, shell_info_of_environment());
}

}  // namespace

void add_process_commands(Command app, Session& session) {
  const auto add = [&](const std::string& name, const std::string& what, const std::string& examples) {
    Command command = add_command(app, session, name, what, examples);
    command.group(processes_group);
    return command;
  };

  Command xen =
      add("xen", "The hypervisor: domains, frames, event channels, hypercalls",
          "  ringside xen --dir /tmp/m1        then, in other terminals: xcs and xend with the same --dir\n"
          "  ringside xen --com1 stdio --conswitch ax        this terminal is the serial line, "
          "with input to Xen");
  const auto locked = std::make_shared<bool>(false);
  xen.add_flag("--locked", *locked, "The parent process passes on the lock of the directory").hidden();
  const auto serial = std::make_shared<SerialSpec>();
  add_serial_options(xen, *serial, true);
  xen.callback([&session, locked, serial] {
    session.run = [&session, locked, serial] { return run_xen(session, *locked, *serial); };
  });

  Command xcs = add("xcs", "dom0's control switch: forwards control messages between rings and its clients",
                    "  ringside xcs --dir /tmp/m1        serves /tmp/m1/xcs_socket");
  const auto quirks = std::make_shared<std::vector<std::string>>();
  add_quirks(xcs, {"xcs"}, *quirks);
  const auto answer = std::make_shared<Answer>(Answer::xend);
  add_answer(xcs, *answer);
  xcs.callback([&session, quirks, answer] {
    session.run = [&session, quirks, answer] { return run_xcs(session, quirks_of("xcs", *quirks), *answer); };
  });

  Command xend = add("xend", "dom0's console server: each domain's console on TCP and on a unix socket",
                     "  ringside xend --dir /tmp/m1 --console-port-base 0        any free ports");
  const auto port_base = std::make_shared<std::uint16_t>(default_console_port_base);
  add_port_base(xend, *port_base);
  add_quirks(xend, {"xend"}, *quirks);
  xend.callback([&session, port_base, quirks] {
    session.run = [&session, port_base, quirks] {
      return run_xend(session, *port_base, quirks_of("xend", *quirks));
    };
  });

  Command xenctld =
      add("xenctld", "dom0's console daemon in place of xcs and xend: a pty for each domain",
          "  ringside xenctld --dir /tmp/m1 --queue-limit 65536        the oldest output is discarded");
  const auto queue_limit = std::make_shared<std::size_t>(0);
  add_queue_limit(xenctld, *queue_limit);
  xenctld.callback([&session, queue_limit] {
    session.run = [&session, queue_limit] { return run_xenctld(session, *queue_limit); };
  });

  Command xenconsoled =
      add("xenconsoled", "Today's xenconsoled, Debian's own or ringside's, on a machine",
          "  ringside xenconsoled --dir /tmp/m1        `modern` starts it when it is needed\n"
          "  ringside xenconsoled --own --dir /tmp/m1        of `ringside up --dom0 xenconsoled`");
  const auto own = std::make_shared<bool>(false);
  xenconsoled.add_flag("--own", *own, "ringside's own, which reports to the journal and needs no packages");
  xenconsoled.callback([&session, own] {
    session.run = [&session, own] {
      return *own ? run_xenconsoled(session) : failed(become_xenconsoled(session.machine()));
    };
  });

  Command dom0 = add(
      "dom0", "dom0's kernel: a shell on ttyS0, which is the serial line, and one on tty1",
      "  ringside dom0 --dir /tmp/m1               then, in another terminal: ringside uart --dir /tmp/m1\n"
      "  ringside dom0 --dir /tmp/m1 -- bash -l    another program; it is started again when it ends");
  const auto dom0_program = std::make_shared<ProgramSpec>();
  dom0_program->argv = {"sh"};
  dom0.add_option("PROGRAM", dom0_program->argv, "What init runs on each tty").show_default();
  dom0.add_flag("--raw", dom0_program->raw, "The ttys do not echo, translate or turn keys into signals");
  dom0.callback([&session, dom0_program] {
    session.run = [&session, dom0_program] { return run_dom0(session, *dom0_program); };
  });

  Command domu = add("domu", "A guest, on the connection that `ringside create` gives it",
                     "  started by `ringside create`, not by hand");
  const auto options = std::make_shared<domu::DomUOptions>();
  domu.add_flag("--raw", options->raw, "The guest's terminal does not echo or translate");
  domu.add_flag("--quiet", options->quiet, "No boot messages");
  add_quirks(domu, {"domu"}, *quirks);
  domu.add_option("--boot-line", options->boot_lines, "Printed as it boots").one_at_a_time();
  const Option program =
      domu.add_option("PROGRAM", options->argv, "What runs on its console (default: the built-in shell)");
  const auto external = std::make_shared<bool>(false);
  domu.add_flag("--external", *external, "Become PROGRAM, which is the guest itself").needs(program);
  domu.callback([&session, options, external, quirks] {
    options->quirks = quirks_of("domu", *quirks);
    session.run = [&session, options, external] { return run_domu(session, *options, *external); };
  });

  Command shell = app.add_subcommand("shell", "The built-in shell of a guest, on this terminal");
  shell.group(processes_group);
  shell.footer("Examples:\n  ringside shell        what a domU runs by default");
  shell.callback([&session] { session.run = run_shell; });
}

}  // namespace ringside::tools
