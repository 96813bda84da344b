// uart, keyboard and dmesg: the serial line, dom0's keyboard and screen, and Xen's messages. Also the options
// of the line.
#include "tools/machine/serial.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>

#include "emu/dom0/console/console_client.h"
#include "emu/host/domain_words.h"
#include "emu/host/linux_terminal.h"
#include "emu/host/standard_streams.h"
#include "tools/machine/console.h"
#include "tools/machine/domain_command.h"
#include "tools/machine/page.h"
#include "tools/machine/user_terminal.h"

namespace ringside::tools {

namespace {

constexpr const char* socket_prefix = "unix:";
constexpr std::uint32_t speed_min = 50;
constexpr std::uint32_t speed_max = 115200;

bool is_socket(const std::string& end) {
  return end.starts_with(socket_prefix) && end.size() > std::string(socket_prefix).size();
}

std::string socket_of(const std::string& end) {
  return end.substr(std::string(socket_prefix).size());
}

std::string problem_of_speed(const std::string& text) {
  const auto speed = number_in_option(text);
  if (speed && (*speed == 0 || (*speed >= speed_min && *speed <= speed_max))) return "";
  return fmt::format("a line has {} to {} bits a second, or 0", speed_min, speed_max);
}

std::string problem_of_conswitch(const std::string& text) {
  return xen::is_conswitch(text) ? "" : "it is a letter from a to z, optionally followed by x";
}

struct SerialPlace {
  const char* what;  ///< "serial line"
  std::string path;
  const char* advice;  ///< what to do if it does not exist
};

Result<Handle> open_place(LinuxHost& host, const SerialPlace& place) {
  std::error_code ignored;
  const auto status = std::filesystem::status(place.path, ignored);
  if (!std::filesystem::exists(status)) {
    return Error{ENOENT, fmt::format("no {}", place.what), place.path, "it does not exist", place.advice};
  }
  if (std::filesystem::is_socket(status)) return host.connect_local(place.path);
  auto terminal = host.file_open(place.path, Host::FileUse::output);
  if (!terminal) return terminal.error();
  if (terminal->kind == Host::FileKind::regular)
    return Error{EINVAL, fmt::format("no {}", place.what), place.path,
                 "it is neither a terminal nor a socket", place.advice};
  return std::move(terminal->handle);
}

int attach_to_line(LinuxHost& host, const SerialPlace& place, const EscapeKey& escape) {
  auto line = open_place(host, place);
  if (!line) return failed(line.error());
  auto input = host.standard_stream(0);
  if (!input) return failed(input.error());
  auto output = host.standard_stream(1);
  if (!output) return failed(output.error());
  const bool on_terminal = is_terminal(0) && is_terminal(1);
  if (on_terminal) {
    std::printf("*** %s: %s ***\r\n", place.what, escape.advice().c_str());
    std::fflush(stdout);
  }
  int signal = 0;
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT})
    host.on_signal(number, [&, number] {
      signal = number;
      host.stop(exit_good);
    });
  trace::NullSink silent;
  auto ended = dom0::ConsoleClient::Ended::left;
  {
    const UserTerminal terminal(host, nullptr);
    const dom0::ConsoleClient client(
        host, trace::Journal(silent, trace::actor(trace::Role::user)), std::move(*line), std::move(*input),
        std::move(*output),
        {.escape = on_terminal ? escape.byte() : std::nullopt, .end_of_file = false, .domain = 0},
        [&](dom0::ConsoleClient::Ended why) {
          ended = why;
          host.stop(exit_good);
        });
    host.run();
  }
  if (ended == dom0::ConsoleClient::Ended::output_gone) return output_gone(host);
  if (on_terminal) std::printf("\n*** left the %s ***\n", place.what);
  return signal != 0 ? status_of_signal_0 + signal : exit_good;
}

int uart(const Session& session, const std::string& path, const EscapeKey& escape) {
  LinuxHost host("uart", session.machine());
  return attach_to_line(host,
                        {.what = "serial line",
                         .path = path.empty() ? session.machine().com1_link() : path,
                         .advice = "ringside up makes a pty there; with --com1 unix:PATH give PATH"},
                        escape);
}

int keyboard(const Session& session, const EscapeKey& escape) {
  LinuxHost host("keyboard", session.machine());
  return attach_to_line(host,
                        {.what = "keyboard and screen",
                         .path = session.machine().keyboard_socket(),
                         .advice = "ringside up starts a machine; its process dom0 has them"},
                        escape);
}

/// Prints what domains have lost, to stderr. Xen does not read the rings, so its messages do not report
/// losses there, but a user who looks for an error needs to know them.
void note_losses(LinuxHost& host, Privcmd& privcmd) {
  auto domains = privcmd.domains();
  if (!domains) return;
  for (const DomainInfo& info : *domains) {
    auto page = DomainPage::open(host, privcmd, info);
    if (!page || page->lost().bytes() == 0) continue;
    fmt::print(stderr, "ringside: domain {} \"{}\" has lost {}\n", info.domain, info.name,
               page->lost().text());
  }
}

int dmesg(const Session& session, bool clear) {
  Dom0 dom0(session, "dmesg");
  if (!dom0.privcmd) return failed(dom0.privcmd.error());
  auto said = dom0.privcmd->dmesg();
  if (!said) return failed(said.error());
  std::fwrite(said->text.data(), 1, said->text.size(), stdout);
  if (std::fflush(stdout) != 0)
    return failed({stdout_error(), "cannot print Xen's messages", "stdout",
                   std::generic_category().message(stdout_error()), "nothing was cleared"});
  note_losses(dom0.host, *dom0.privcmd);
  // Clears only what has been printed.
  if (clear) {
    const auto cleared = dom0.privcmd->dmesg_clear(said->position + said->text.size());
    if (!cleared) return failed(cleared.error());
  }
  return exit_good;
}

}  // namespace

void add_serial_options(Command command, SerialSpec& spec, bool stdio) {
  const auto problem_of_end = [stdio](const std::string& end) -> std::string {
    if (end == "pty" || end == "none" || is_socket(end) || (stdio && end == "stdio")) return "";
    return "the far end cannot be " + end;
  };
  command
      .add_option("--com1", spec.com1,
                  std::string("The far end of the serial line: a pty in the machine's directory, nothing, ") +
                      (stdio ? "this process's stdin and stdout, " : "") +
                      "or a unix socket on which Xen listens")
      .check(problem_of_end, stdio ? "pty|none|stdio|unix:PATH" : "pty|none|unix:PATH")
      .show_default();
  command
      .add_option(
          "--com1-speed", spec.bits_per_second,
          "Bits a second on it: 9600, 115200 ...; with 0 bytes take no time, and the far end waits for Xen")
      .check(problem_of_speed, "BITS/S")
      .show_default();
  command
      .add_option("--conswitch", spec.conswitch,
                  "Ctrl and this letter three times switch serial input between Xen and dom0; an x after it "
                  "leaves input at Xen after boot")
      .check(problem_of_conswitch, "LETTER[x]")
      .show_default();
}

std::vector<std::string> serial_words(const SerialSpec& spec) {
  const std::string end = is_socket(spec.com1)
                              ? socket_prefix + std::filesystem::absolute(socket_of(spec.com1)).string()
                              : spec.com1;
  return {"--com1", end, "--com1-speed", std::to_string(spec.bits_per_second), "--conswitch", spec.conswitch};
}

Result<xen::SerialConsoleOptions> serial_options(LinuxHost& host, const SerialSpec& spec) {
  using End = xen::SerialLineOptions::End;
  xen::SerialConsoleOptions options;
  options.conswitch = spec.conswitch;
  options.line.bits_per_second = spec.bits_per_second;
  if (spec.com1 == "pty") {
    options.line.end = End::pty;
    options.line.path = host.machine().com1_link();
  } else if (is_socket(spec.com1)) {
    options.line.end = End::socket;
    options.line.path = socket_of(spec.com1);
  } else if (spec.com1 == "stdio") {
    options.line.end = End::streams;
    auto input = host.standard_stream(0);
    if (!input) return input.error();
    auto output = host.standard_stream(1);
    if (!output) return output.error();
    options.line.input = std::move(*input);
    options.line.output = std::move(*output);
  }
  return options;
}

void add_serial_commands(Command app, Session& session) {
  Command line =
      add_command(app, session, "uart", "Attach this terminal to the machine's serial line, com1",
                  "  ringside uart                  Ctrl-] leaves; Ctrl-A three times talks to Xen\n"
                  "  ringside uart /tmp/com1        where `up --com1 unix:/tmp/com1` listens");
  const auto path = std::make_shared<std::string>();
  line.add_option("PATH", *path, "A pty or socket (default: the machine's pty)");
  const auto escape = std::make_shared<EscapeKey>();
  add_escape(line, *escape);
  line.callback([&session, path, escape] {
    session.run = [&session, path, escape] { return uart(session, *path, *escape); };
  });

  Command front = add_command(
      app, session, "keyboard", "Use the physical machine's keyboard and screen, which belong to dom0",
      "  ringside keyboard              Ctrl-] leaves; its bytes do not pass Xen's console");
  const auto front_escape = std::make_shared<EscapeKey>();
  add_escape(front, *front_escape);
  front.callback([&session, front_escape] {
    session.run = [&session, front_escape] { return keyboard(session, *front_escape); };
  });

  Command messages = add_command(app, session, "dmesg", "Print Xen's messages: the last 16,384 bytes",
                                 "  ringside dmesg\n"
                                 "  ringside dmesg --clear         and clear what was printed");
  const auto clear = std::make_shared<bool>(false);
  messages.add_flag("--clear", *clear, "Have Xen clear what was printed");
  messages.callback(
      [&session, clear] { session.run = [&session, clear] { return dmesg(session, *clear); }; });
}

}  // namespace ringside::tools
