// The command line: adds the subcommands, parses, and runs the chosen subcommand.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <system_error>

#include "emu/host/kernel_features.h"
#include "emu/host/standard_streams.h"
#include "tools/built.h"
#include "tools/command.h"
#include "tools/run/script_files.h"

namespace ringside::tools {

int failed(const Error& error) {
  std::fprintf(stderr, "ringside: %s\n", error.text().c_str());
  return exit_could_not_run;
}

int finished(int status) {
  const bool taken = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  const int why = stdout_error();
  // EPIPE is no error: the reader has closed the pipe because it needs no more.
  if (taken || why == EPIPE) return status;
  failed({why, "cannot write", "stdout", std::generic_category().message(why == 0 ? EIO : why), ""});
  return status == exit_good ? exit_could_not_run : status;
}

Command add_command(Command app, Session& session, const std::string& name, const std::string& what,
                    const std::string& examples) {
  Command command = app.add_subcommand(name, what);
  command.add_option("--dir", session.directory, "The machine's directory; each machine has its own")
      .type_name("DIR")
      .show_default();
  command.footer("Examples:\n" + examples);
  return command;
}

namespace {

constexpr char program_about[] =
    "ringside: how console data travelled in Xen in 2005, running in user space on real shared memory.\n"
    "A hypervisor, dom0's xcs and xend, and each domU are processes; rings and event channels are the real "
    "ones.";

struct CommandFamily {
  void (*add)(Command app, Session& session);
  std::array<std::string_view, 8> names;  ///< of its subcommands
};

/// In the order of the help.
constexpr CommandFamily families[] = {
    {add_demo_command, {"demo"}},
    {add_tour_command, {"tour"}},
    {add_lab_command, {"lab"}},
    {add_console_commands, {"console", "exec"}},
    {add_machine_commands, {"up", "down"}},
    {add_domain_commands, {"create", "pause", "unpause", "destroy", "sysrq"}},
    {add_life_commands, {"shutdown", "reboot", "suspend", "resume", "balloon"}},
    {add_list_command, {"list"}},
    {add_attach_commands, {"attach", "detach"}},
    {add_serial_commands, {"uart", "keyboard", "dmesg"}},
    {add_ring_command, {"ring"}},
    {add_modern_commands, {"modern", "xenstored"}},
    {add_toolstack_command, {"toolstack"}},
    {add_dump_command, {"dump"}},
    {add_watch_command, {"watch"}},
    {add_explain_command, {"explain"}},
    {add_quirks_command, {"quirks"}},
    {add_puppet_command, {"puppet"}},
    {add_script_file_commands, {"check-scn", "fmt"}},
    {add_lsp_command, {"lsp"}},
    {add_run_command, {"run"}},
    {add_shrink_command, {"shrink"}},
    {add_chaos_command, {"chaos"}},
    {add_sweep_command, {"sweep"}},
    {add_view_command, {"view"}},
    {add_play_command, {"play", "player"}},
    {add_bench_command, {"bench"}},
#ifdef RINGSIDE_RING_CHECK_DIR
    {add_ring_check_command, {"ring-check"}},
#endif
    {add_doctor_command, {"doctor"}},
    {add_help_command, {}},  // without a name here: it needs all commands
    {add_complete_command, {}},
    {add_process_commands, {"xen", "xcs", "xend", "xenctld", "xenconsoled", "dom0", "domu", "shell"}},
    {add_keeper_command, {"keeper"}},
};

/// Adds only the family of the subcommand in `asked`, or all families if there is none. A machine starts
/// several processes of this program, and the options of all commands take some 70 pages and 2 ms in each.
void add_commands(Command app, Session& session, std::string_view asked) {
  const auto has = [asked](const CommandFamily& family) {
    return !asked.empty() && std::ranges::find(family.names, asked) != family.names.end();
  };
  const bool found = std::ranges::any_of(families, has);
  for (const CommandFamily& family : families) {
    if (!found || has(family)) family.add(app, session);
  }
}

std::string version_details() {
  return fmt::format("commit       {}\n{}\nrunning on   {}, {}", std::string(built_from_commit),
                     std::string(built_with), kernel_version(), libc_version());
}

int run(int argc, char** argv) {
  CommandLine line("ringside", "ringside " RINGSIDE_VERSION, version_details, program_about);
  Command app = line.program();
  app.footer(
      "Start with `ringside demo`. Each subcommand has its own --help, with examples, and a man page.");
  Session session;
  add_commands(app, session, argc > 1 ? argv[1] : "");
  switch (line.parse(argc, argv)) {
    case CommandLine::Parsed::answered:
      return exit_good;
    case CommandLine::Parsed::wrong:
      return exit_usage;
    case CommandLine::Parsed::good:
      break;
  }
  return session.run();
}

}  // namespace
}  // namespace ringside::tools

int main(int argc, char** argv) {
  using namespace ringside::tools;
  ringside::prepare_standard_streams();
  // Exceptions that libraries throw end here, after all destructors have run.
  try {
    return finished(run(argc, argv));
  } catch (const std::bad_alloc&) {
    return failed({ENOMEM, "cannot continue", "", "there is not enough memory", "see ulimit -v"});
  } catch (const std::system_error& problem) {
    // fmt throws when the stream has failed. As in finished(), EPIPE is no error.
    if (problem.code().value() == EPIPE && ringside::stdout_error() == EPIPE) return exit_good;
    return failed({problem.code().value(), "cannot continue", "", problem.what(),
                   problem.code().value() == EMFILE ? "raise ulimit -n" : ""});
  } catch (const std::exception& problem) {
    return failed({EIO, "cannot continue", "", problem.what(), ""});
  }
}
