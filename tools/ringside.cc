// The command line: gathers the subcommands, parses, runs the chosen one.
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
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
  command.add_option("--dir", session.directory, "The machine's directory; one machine each")
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
  add_demo_command(app, session);
  add_console_commands(app, session);
  add_machine_commands(app, session);
  add_domain_commands(app, session);
  add_life_commands(app, session);
  add_list_command(app, session);
  add_attach_commands(app, session);
  add_serial_commands(app, session);
  add_ring_command(app, session);
  add_dump_command(app, session);
  add_watch_command(app, session);
  add_explain_command(app, session);
  add_quirks_command(app, session);
  add_puppet_command(app, session);
  add_script_file_commands(app, session);
  add_run_command(app, session);
  add_shrink_command(app, session);
  add_chaos_command(app, session);
  add_view_command(app, session);
  add_bench_command(app, session);
#ifdef RINGSIDE_RING_CHECK_DIR
  add_ring_check_command(app, session);
#endif
  add_doctor_command(app, session);
  add_help_command(app, session);
  add_complete_command(app, session);
  add_process_commands(app, session);
  add_keeper_command(app, session);
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
    return failed({problem.code().value(), "cannot continue", "", problem.what(),
                   problem.code().value() == EMFILE ? "raise ulimit -n" : ""});
  } catch (const std::exception& problem) {
    return failed({EIO, "cannot continue", "", problem.what(), ""});
  }
}
