// The only file that uses ncurses, and only its terminfo: ncurses itself writes with a blocking write, so a
// terminal that does not read would block this process.
#include "emu/host/terminfo.h"

#include <curses.h>
#include <term.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace ringside {

namespace {

constexpr int colours_min = 8;

/// Without "$<5>": no terminal in use today needs the delay.
std::string capability(const char* name) {
  const char* found = tigetstr(name);
  // tigetstr() returns (char*)-1 for a name that is not a string capability.
  if (found == nullptr || found == reinterpret_cast<const char*>(-1)) return "";
  std::string text = found;
  for (std::size_t at = text.find("$<"); at != std::string::npos; at = text.find("$<")) {
    const std::size_t end = text.find('>', at);
    if (end == std::string::npos) break;
    text.erase(at, end + 1 - at);
  }
  return text;
}

std::string with(const std::string& capability, int first, int second = 0) {
  if (capability.empty()) return "";
  const char* made = tiparm(capability.c_str(), first, second);
  return made == nullptr ? "" : made;
}

}  // namespace

Result<Terminfo> Terminfo::of_terminal() {
  const char* name = std::getenv("TERM");
  if (name == nullptr || *name == 0)
    return Error{ENOTTY, "cannot use this terminal", "TERM", "it is not set", ""};
  const std::string called = std::string("TERM=") + name;
  int found = 0;
  if (setupterm(name, STDOUT_FILENO, &found) != OK)
    return Error{ENOTTY, "cannot use this terminal", called, "terminfo does not know it", ""};
  Terminfo words;
  words.begin = capability("smcup") + capability("civis");
  words.clear = capability("clear");
  words.plain = capability("sgr0");
  words.end = words.plain + capability("cnorm") + capability("rmcup");
  words.bold = capability("bold");
  words.dim = capability("dim");
  words.reverse = capability("rev");
  words.cursor = capability("cup");
  if (words.cursor.empty() || words.clear.empty())
    return Error{ENOTTY, "cannot use this terminal", called, "it cannot move its cursor", ""};
  if (tigetnum("colors") >= colours_min) {
    words.foreground = capability("setaf");
    words.background = capability("setab");
  }
  return words;
}

std::string Terminfo::move(int row, int column) const {
  return with(cursor, row, column);
}

std::string Terminfo::in_colour(int colour) const {
  return with(foreground, colour);
}

std::string Terminfo::on_colour(int colour) const {
  return with(background, colour);
}

}  // namespace ringside
