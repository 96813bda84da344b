// --quirk, and the list of quirks. emu/base/quirks.h has their descriptions.
#include "tools/machine/quirks.h"

#include <algorithm>
#include <cstdio>
#include <memory>

namespace ringside::tools {

void add_quirks(Command command, std::vector<std::string> processes, std::vector<std::string>& names) {
  std::string whose;
  for (const std::string& process : processes) whose += (whose.empty() ? "" : ", ") + process;
  const auto check = [processes = std::move(processes), whose](const std::string& name) -> std::string {
    const auto quirk = Quirks::find(name);
    if (!quirk) return quirk.error().text();
    const std::string process(about(quirk.value()).process);
    if (std::ranges::find(processes, process) != processes.end()) return "";
    return fmt::format(
        "cannot set a quirk: {}: it belongs to {}, and this command starts {} (`ringside quirks` lists them)",
        name, process, whose);
  };
  command
      .add_option(
          "--quirk", names,
          fmt::format(
              "Repeat an error of {} of 2005; may be given more than once. `ringside quirks` lists them",
              whose))
      .type_name("NAME")
      .one_at_a_time()
      .check(check);
}

Quirks quirks_of(const std::string& process, const std::vector<std::string>& names) {
  Quirks quirks;
  for (const std::string& name : names) {
    const auto quirk = Quirks::find(name);
    if (quirk && about(quirk.value()).process == process) quirks.set(quirk.value());
  }
  return quirks;
}

std::vector<std::string> quirk_words(const std::string& process, const std::vector<std::string>& names) {
  std::vector<std::string> words;
  for (const std::string& name : names) {
    const auto quirk = Quirks::find(name);
    if (quirk && about(quirk.value()).process == process) words.push_back("--quirk=" + name);
  }
  return words;
}

void add_quirks_command(Command app, Session& session) {
  Command command =
      app.add_subcommand("quirks", "List what the programs of 2005 did wrong, each behind --quirk");
  command.footer(
      "Quirks of xcs and xend are set with `up`, those of domu with `create`, all of them with `exec`.\n"
      "Examples:\n"
      "  ringside quirks xcs\n"
      "  ringside up --quirk xcs-drop-when-full        then `ringside dump` shows its effects");
  const auto process = std::make_shared<std::string>();
  command.add_option("PROCESS", *process, "Only the quirks of this one").one_of({"xcs", "xend", "domu"});
  command.callback([&session, process] {
    session.run = [process] {
      for (const QuirkAbout& quirk : quirks_known) {
        if (!process->empty() && quirk.process != *process) continue;
        std::printf("%-5s %-21s %s\n", std::string(quirk.process).c_str(), std::string(quirk.name).c_str(),
                    std::string(quirk.what).c_str());
      }
      return exit_good;
    };
  });
}

}  // namespace ringside::tools
