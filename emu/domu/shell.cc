// The built-in shell's commands.
#include "emu/domu/shell.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <istream>
#include <optional>
#include <ostream>
#include <string_view>

namespace ringside::domu {

namespace {

/// Longer lines are truncated, so that a line needs no more memory than this.
constexpr std::size_t line_bytes_max = 4096;
/// The most that `count` and `yes` print.
constexpr std::uint64_t repeats_max = 10'000'000;
constexpr unsigned default_repeats = 10;

class Shell {
 public:
  Shell(std::istream& in, std::ostream& out, const ShellInfo& info) : in_(in), out_(out), info_(info) {}

  int run();

 private:
  using Run = void (Shell::*)(std::string_view argument);
  struct Command {
    std::string_view name;
    std::string_view usage;
    std::string_view help;
    Run run;
  };
  static const std::array<Command, 10> commands;

  bool read_line(std::string& line);
  void run_line(std::string_view line);

  [[nodiscard]] bool is_of_today() const { return info_.layout == "today"; }
  void about_today();
  void about(std::string_view);
  void count(std::string_view argument);
  void echo(std::string_view argument);
  void exit(std::string_view argument);
  void help(std::string_view);
  void hex(std::string_view argument);
  void hostname(std::string_view);
  void read_one_line(std::string_view);
  void uname(std::string_view argument);
  void yes(std::string_view argument);

  std::optional<std::uint64_t> repeats(std::string_view command, std::string_view argument);

  std::istream& in_;
  std::ostream& out_;
  const ShellInfo& info_;
  bool after_return_ = false;  ///< the last line ended with '\r': a '\n' that follows belongs to it
  std::optional<int> exit_status_;
};

constexpr std::string_view blanks = " \t";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Empty unless all of `text` is a number.
std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

const std::array<Shell::Command, 10> Shell::commands = {{
    {"about", "", "how your input gets here", &Shell::about},
    {"count", "N", "print the numbers 1 to N", &Shell::count},
    {"echo", "TEXT", "print TEXT", &Shell::echo},
    {"exit", "[N]", "end this shell, and with it the domain, with status N", &Shell::exit},
    {"help", "", "this list", &Shell::help},
    {"hex", "TEXT", "the bytes of TEXT as they travel", &Shell::hex},
    {"hostname", "", "the domain's name", &Shell::hostname},
    {"read-line", "", "read one line and print it", &Shell::read_one_line},
    {"uname", "[-a]", "the system's name", &Shell::uname},
    {"yes", "N", "print y on N lines", &Shell::yes},
}};

int Shell::run() {
  out_ << "This is " << info_.domain_name
       << ", a small shell in a guest. 'help' lists what it knows, 'about' tells how you reached it.\n";
  std::string line;
  while (out_ && !exit_status_) {
    out_ << info_.domain_name << "$ " << std::flush;
    if (!read_line(line)) {
      out_ << '\n';
      break;
    }
    run_line(trimmed(line));
  }
  out_.flush();
  return exit_status_.value_or(0);
}

/// Ends a line at '\n', and at '\r' too: a raw terminal does not turn the return key into '\n'.
bool Shell::read_line(std::string& line) {
  line.clear();
  bool any = false;
  for (char character; in_.get(character);) {
    const bool tail_of_return = after_return_ && character == '\n' && !any;
    after_return_ = false;
    if (tail_of_return) continue;
    any = true;
    if (character == '\n') return true;
    if (character == '\r') {
      after_return_ = true;
      return true;
    }
    if (line.size() < line_bytes_max) line.push_back(character);
  }
  return any;
}

void Shell::run_line(std::string_view line) {
  if (line.empty()) return;
  const std::string_view name = line.substr(0, line.find_first_of(blanks));
  const std::string_view argument = trimmed(line.substr(name.size()));
  for (const Command& command : commands) {
    if (command.name == name) return (this->*command.run)(argument);
  }
  out_ << name << ": no such command; 'help' lists all commands\n";
}

void Shell::about_today() {
  out_ << "Each key you pressed went from your terminal into the pty of xenconsoled in dom0. xenconsoled "
          "wrote\n"
          "it into the ring in, 1024 bytes of a frame that domain "
       << info_.domain << " grants to dom0, moved in_prod,\nand sent an event by hypercall to port "
       << info_.console_port
       << ". The driver hvc of this kernel took the byte, moved\n"
          "in_cons, and gave it to the terminal that this shell reads from. The echo went back through the\n"
          "ring out, 2048 bytes. Nothing was answered.\n";
}

void Shell::about(std::string_view) {
  if (is_of_today()) return about_today();
  out_ << "Each key you pressed went from your terminal to xend in dom0, which cut it into a control\n"
          "message of at most 60 bytes and handed it to xcs. xcs wrote it into a slot of the rx ring in\n"
          "the page that domain "
       << info_.domain << " shares with dom0 (" << info_.layout << " layout), moved rx.req_prod, and raised\n"
       << "event channel " << info_.console_port
       << ". The console driver of this guest copied the bytes out, gave them to the\n"
          "terminal that this shell runs on, and answered in the same slot.\n"
          "This text took the way back: through the tx ring, 60 bytes at a time, eight messages\n"
          "at most until dom0 has answered. Try 'count 1000'.\n";
}

std::optional<std::uint64_t> Shell::repeats(std::string_view command, std::string_view argument) {
  if (argument.empty()) return default_repeats;
  const auto value = number_in(argument);
  if (!value || *value > repeats_max) {
    out_ << command << ": how often? a number from 0 to " << repeats_max << ", not '" << argument << "'\n";
    return std::nullopt;
  }
  return value;
}

void Shell::count(std::string_view argument) {
  const auto last = repeats("count", argument);
  for (std::uint64_t number = 1; last && number <= *last && out_; ++number) out_ << number << '\n';
}

void Shell::echo(std::string_view argument) {
  out_ << argument << '\n';
}

void Shell::exit(std::string_view argument) {
  const auto status = argument.empty() ? std::optional<std::uint64_t>(0) : number_in(argument);
  if (!status || *status > 255) {
    out_ << "exit: a status is a number from 0 to 255, not '" << argument << "'\n";
    return;
  }
  exit_status_ = static_cast<int>(*status);
}

void Shell::help(std::string_view) {
  for (const Command& command : commands) {
    std::string left(command.name);
    if (!command.usage.empty()) left.append(" ").append(command.usage);
    left.resize(16, ' ');
    out_ << "  " << left << command.help << '\n';
  }
}

void Shell::hex(std::string_view argument) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string line;
  for (const char character : argument) {
    const auto byte = static_cast<unsigned char>(character);
    if (!line.empty()) line += ' ';
    line += digits[byte >> 4];
    line += digits[byte & 15];
  }
  out_ << line << '\n';
}

void Shell::hostname(std::string_view) {
  out_ << info_.domain_name << '\n';
}

void Shell::read_one_line(std::string_view) {
  std::string line;
  if (!read_line(line)) {
    out_ << "read-line: the input has ended\n";
    return;
  }
  out_ << line.size() << " bytes: " << line << '\n';
}

void Shell::uname(std::string_view argument) {
  if (argument.empty()) {
    out_ << "Linux\n";
  } else if (argument == "-a") {
    out_ << "Linux " << info_.domain_name
         << (is_of_today() ? " 6.1.0-xenU ringside\n" : " 2.6.11-xenU #1 Fri Jul 1 2005 ringside\n");
  } else {
    out_ << "uname: only -a is known here, not '" << argument << "'\n";
  }
}

void Shell::yes(std::string_view argument) {
  const auto lines = repeats("yes", argument);
  for (std::uint64_t line = 0; lines && line < *lines && out_; ++line) out_ << "y\n";
}

}  // namespace

int shell_main(std::istream& in, std::ostream& out, const ShellInfo& info) {
  return Shell(in, out, info).run();
}

}  // namespace ringside::domu
