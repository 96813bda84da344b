// ringside help: the help of a command, or its man page. The build makes the man pages with it (pages.py).
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "emu/base/nearest.h"
#include "tools/command.h"
#include "tools/declared.h"
#include "tools/help/man_page.h"

namespace ringside::tools {

namespace {

Error no_such_command(const DeclaredCommand& parent, const std::string& name) {
  std::vector<std::string_view> known;
  for (const DeclaredCommand& each : parent.commands) known.push_back(each.name);
  const std::string_view meant = nearest(name, known);
  return {EINVAL, "cannot show a help", name, fmt::format("{} has no command of that name", parent.name),
          meant.empty() ? fmt::format("`{} --help` lists them", parent.name)
                        : fmt::format("did you mean {}?", meant)};
}

/// Prints the page of one command. Commands of a command are in its page.
int print_man_page(const DeclaredCommand& program, const std::vector<std::string>& names) {
  if (names.empty()) {
    fmt::print("{}", man_page_of_program(program));
    return exit_good;
  }
  for (const DeclaredCommand& each : program.commands) {
    if (each.name != names.front()) continue;
    fmt::print("{}", man_page_of_command(each, program.name + " " + each.name));
    return exit_good;
  }
  failed(no_such_command(program, names.front()));
  return exit_usage;
}

int print_help(const Command& program, const std::vector<std::string>& names) {
  if (const auto text = program.help_of(names)) {
    fmt::print("{}", *text);
    return exit_good;
  }
  DeclaredCommand parent = program.declared();
  for (const std::string& name : names) {
    const auto found = std::ranges::find(parent.commands, name, &DeclaredCommand::name);
    if (found == parent.commands.end()) {
      failed(no_such_command(parent, name));
      break;
    }
    parent = DeclaredCommand(*found);
  }
  return exit_usage;
}

}  // namespace

void add_help_command(Command app, Session& session) {
  Command command = app.add_subcommand("help", "Show this help, or that of a command, or its man page");
  command.footer(
      "Examples:\n"
      "  ringside help run                     the same as: ringside run --help\n"
      "  ringside help ring-check cc\n"
      "  ringside help run --man | man -l -    its man page, also without an installation");
  const auto names = std::make_shared<std::vector<std::string>>();
  const auto man = std::make_shared<bool>(false);
  command.add_option("COMMAND", *names, "Which command (default: ringside itself)");
  command.add_flag("--man", *man, "Print its man page, in roff");
  command.callback([app, &session, names, man] {
    session.run = [app, names, man] {
      return *man ? print_man_page(app.declared(), *names) : print_help(app, *names);
    };
  });
}

}  // namespace ringside::tools
