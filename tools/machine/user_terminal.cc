// The escape key, and the terminal while the process is stopped.
#include "tools/machine/user_terminal.h"

#include <csignal>

namespace ringside::tools {

namespace {

constexpr char none[] = "none";
constexpr std::uint8_t delete_key = 0x7f;

/// "^?" is the delete key.
bool is_control(const std::string& text) {
  return text.size() == 2 && text[0] == '^' && text[1] >= '?' && text[1] <= '_';
}

std::string problem_of_escape(const std::string& text) {
  if (text == none || is_control(text) || (text.size() == 1 && static_cast<unsigned char>(text[0]) < 0x80))
    return "";
  return "it is one character, or ^ and a character from @ to _ (or ?) for a control key, or none";
}

}  // namespace

std::optional<std::uint8_t> EscapeKey::byte() const {
  if (text == none) return std::nullopt;
  return static_cast<std::uint8_t>(is_control(text) ? text[1] ^ 0x40 : text[0]);
}

std::string EscapeKey::advice() const {
  if (text == none) return "no key leaves";
  if (byte() == delete_key) return "Delete leaves";
  return (is_control(text) ? "Ctrl-" + text.substr(1) : text) + " leaves";
}

void add_escape(Command command, EscapeKey& key) {
  command
      .add_option("--escape", key.text,
                  "The key that leaves: a character, ^X for Ctrl-X, or none. Pressed twice it is sent once, "
                  "which leaves a console within a console")
      .check(problem_of_escape, "CHAR|none")
      .show_default();
}

UserTerminal::UserTerminal(LinuxHost& host, std::function<void()> back) : host_(host) {
  host_.on_signal(SIGTSTP, [this] {
    raw_.give_back();
    std::raise(SIGSTOP);
  });
  host_.on_signal(SIGCONT, [this, back = std::move(back)] {
    raw_.take();
    if (back) back();
  });
}

UserTerminal::~UserTerminal() {
  for (const int number : {SIGTSTP, SIGCONT}) host_.on_signal(number, [] {});
}

}  // namespace ringside::tools
