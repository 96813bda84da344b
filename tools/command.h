// What all subcommands share: the machine that they address, the form of their errors, and their functions.
//
// Exit codes: 0 good, 1 usage, 2 a file does not parse, 3 could not run, 4 an expectation failed. `exec`
// exits with the status of the program that it ran.
#pragma once

#include <functional>
#include <string>

#include "emu/base/check.h"
#include "emu/host/machine.h"
#include "tools/options.h"

namespace ringside::tools {

inline constexpr int exit_good = 0;
inline constexpr int exit_usage = 1;
inline constexpr int exit_could_not_run = 3;
inline constexpr int exit_expectation_failed = 4;

/// The heading in the help for the single processes of a machine.
inline constexpr const char* processes_group = "Single processes, in the foreground";

/// Lives as long as the command line. The chosen subcommand stores its work in `run`.
struct Session {
  std::string directory = Machine::default_directory();
  std::function<int()> run;

  [[nodiscard]] Machine machine() const { return Machine(directory); }
};

/// Prints the error in the form common to all errors. Returns exit_could_not_run.
int failed(const Error& error);
/// The exit status of a command that has ended with `status`. Fails if stdout could not be written.
int finished(int status);

/// Adds a subcommand with its help (what it does, examples) and --dir.
Command add_command(Command app, Session& session, const std::string& name, const std::string& what,
                    const std::string& examples);

// One function for each family of subcommands, defined in the file named.
void add_process_commands(Command app,
                          Session& session);  // machine/processes.cc: xen, xcs, xend, xenctld, domu ...
void add_keeper_command(Command app, Session& session);      // machine/private_machine.cc: keeper
void add_machine_commands(Command app, Session& session);    // machine/command.cc: up, down
void add_domain_commands(Command app, Session& session);     // machine/domains.cc: create ... destroy
void add_list_command(Command app, Session& session);        // machine/listing.cc: list
void add_life_commands(Command app, Session& session);       // machine/life.cc: shutdown ... balloon
void add_console_commands(Command app, Session& session);    // machine/console.cc: console, exec
void add_attach_commands(Command app, Session& session);     // machine/attach.cc: attach, detach
void add_serial_commands(Command app, Session& session);     // machine/serial.cc: uart, keyboard, dmesg
void add_ring_command(Command app, Session& session);        // machine/ring.cc: ring
void add_modern_commands(Command app, Session& session);     // machine/modern.cc: modern, xenstored ...
void add_toolstack_command(Command app, Session& session);   // machine/toolstack.cc: toolstack
void add_dump_command(Command app, Session& session);        // view/dump.cc: dump
void add_watch_command(Command app, Session& session);       // watch/command.cc: watch
void add_demo_command(Command app, Session& session);        // view/demo.cc
void add_tour_command(Command app, Session& session);        // lab/tour.cc
void add_lab_command(Command app, Session& session);         // lab/command.cc
void add_quirks_command(Command app, Session& session);      // machine/quirks.cc
void add_run_command(Command app, Session& session);         // run/command.cc
void add_lsp_command(Command app, Session& session);         // lsp/command.cc
void add_shrink_command(Command app, Session& session);      // run/shrink.cc
void add_chaos_command(Command app, Session& session);       // chaos/command.cc
void add_sweep_command(Command app, Session& session);       // sweep/command.cc
void add_view_command(Command app, Session& session);        // view/command.cc
void add_play_command(Command app, Session& session);        // play/command.cc: play, player
void add_explain_command(Command app, Session& session);     // view/explain.cc
void add_puppet_command(Command app, Session& session);      // run/puppet.cc
void add_bench_command(Command app, Session& session);       // bench/command.cc
void add_doctor_command(Command app, Session& session);      // doctor/command.cc
void add_help_command(Command app, Session& session);        // help/command.cc
void add_complete_command(Command app, Session& session);    // help/complete.cc
void add_ring_check_command(Command app, Session& session);  // ring_check/command.cc

}  // namespace ringside::tools
