// ringside complete: what can follow on a command line, for the completion of shells. The shells' scripts are
// beside this file; they pass the words up to the cursor, and print what comes back.
//
// Each line of the answer is a candidate, a tab, and what it means. A line that begins with a colon makes the
// shell complete the word itself: ":files SUFFIX", ":directories" or ":programs". If the candidates cannot be
// known, nothing is printed.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emu/base/quirks.h"
#include "emu/trace/hops.h"
#include "tools/command.h"
#include "tools/declared.h"
#include "tools/machine/domain_command.h"
#include "tools/machine/live_start.h"

namespace ringside::tools {

namespace {

struct Candidate {
  std::string text;
  std::string what;
};

/// What was parsed of the command line up to the cursor.
struct TypedLine {
  const DeclaredCommand* command = nullptr;
  std::vector<std::string> given;         ///< names of options
  const DeclaredOption* wants = nullptr;  ///< the option whose value comes next
  std::size_t positionals = 0;
  bool options_end = false;  ///< after "--"
  std::string directory;     ///< of --dir
};

const DeclaredOption* option_named(const DeclaredCommand& command, const std::string& name) {
  for (const DeclaredOption& option : command.options) {
    if (!option.positional && std::ranges::find(option.names, name) != option.names.end()) return &option;
  }
  return nullptr;
}

const DeclaredOption* positional(const DeclaredCommand& command, std::size_t number) {
  const DeclaredOption* last = nullptr;
  for (const DeclaredOption& option : command.options) {
    if (!option.positional) continue;
    last = &option;
    if (number-- == 0) return last;
  }
  return last != nullptr && last->many ? last : nullptr;
}

bool is_option(const TypedLine& line, const std::string& word) {
  return !line.options_end && word.size() > 1 && word.starts_with('-');
}

void take_option(TypedLine& line, const std::string& word) {
  const std::size_t equals = word.find('=');
  const DeclaredOption* option = option_named(*line.command, word.substr(0, equals));
  if (option == nullptr && !word.starts_with("--")) {
    // "-j4": the value follows its letter.
    if (option_named(*line.command, word.substr(0, 2)) != nullptr) line.given.push_back(word.substr(0, 2));
    return;
  }
  if (option == nullptr) return;
  line.given.insert(line.given.end(), option->names.begin(), option->names.end());
  if (option->value.empty()) return;
  if (equals == std::string::npos) {
    line.wants = option;
  } else if (option->names.back() == "--dir") {
    line.directory = word.substr(equals + 1);
  }
}

void take_word(TypedLine& line, const std::string& word) {
  if (line.wants != nullptr) {
    if (line.wants->names.back() == "--dir") line.directory = word;
    line.wants = nullptr;
  } else if (word == "--" && !line.options_end) {
    line.options_end = true;
  } else if (is_option(line, word)) {
    take_option(line, word);
  } else {
    const auto found = std::ranges::find(line.command->commands, word, &DeclaredCommand::name);
    if (line.positionals == 0 && found != line.command->commands.end()) {
      line.command = &*found;
      line.given.clear();
    } else {
      ++line.positionals;
    }
  }
}

// -- the values of an option

/// A machine that does not run, or does not answer, has no domains to offer.
std::vector<Candidate> domain_candidates(const TypedLine& line, const Session& session) {
  std::vector<Candidate> found;
  Session asked;
  asked.directory = line.directory.empty() ? session.directory : line.directory;
  Dom0 dom0(asked, "complete");
  if (!dom0.privcmd) return found;
  const auto infos = domains_meant(*dom0.privcmd, "");
  if (!infos) return found;
  for (const DomainInfo& info : infos.value())
    found.push_back({info.name, fmt::format("domain {}", info.domain)});
  return found;
}

std::vector<Candidate> hop_candidates() {
  std::vector<Candidate> found;
  for (const trace::Hop& hop : trace::hops())
    found.push_back({std::string(hop.name), std::string(hop.title)});
  return found;
}

std::vector<Candidate> quirk_candidates() {
  std::vector<Candidate> found;
  for (const QuirkAbout& quirk : quirks_known)
    found.push_back({std::string(quirk.name), std::string(quirk.what)});
  return found;
}

std::vector<Candidate> command_candidates(const DeclaredCommand& program) {
  std::vector<Candidate> found;
  for (const DeclaredCommand& each : program.commands) found.push_back({each.name, each.what});
  return found;
}

/// The suffix of the files that a command reads; empty: any.
std::string_view suffix_of(const DeclaredCommand& command, const DeclaredOption& option) {
  constexpr std::array readers{std::pair{"run", ".scn"},    std::pair{"shrink", ".scn"},
                               std::pair{"fmt", ".scn"},    std::pair{"check-scn", ".scn"},
                               std::pair{"view", ".jsonl"}, std::pair{"ring-check", ".so"}};
  const bool reads = option.positional || option.names.back() == "--ring";
  for (const auto& [name, suffix] : readers) {
    if (reads && command.name == name) return suffix;
  }
  return "";
}

std::vector<Candidate> value_candidates(const TypedLine& line, const DeclaredOption& option,
                                        const DeclaredCommand& program, const Session& session) {
  const std::string& name = option.names.back();
  if (!option.words.empty()) {
    std::vector<Candidate> found;
    for (const std::string& word : option.words) found.push_back({word, ""});
    return found;
  }
  if (name == "DOMAIN" || name == "--domain") return domain_candidates(line, session);
  if (name == "HOP") return hop_candidates();
  if (name == "COMMAND") return command_candidates(program);
  if (name == "--quirk") return quirk_candidates();
  if (name == "PROGRAM") return {{":programs", ""}};
  if (option.value == "DIR") return {{":directories", ""}};
  const bool names_a_file = option.positional ? name == "FILE" || name == "PATH"
                                              : option.value == "TEXT" || option.value == "FILE" ||
                                                    option.value == "PATH" || option.value == "LIB.so";
  if (!names_a_file) return {};
  const std::string_view suffix = suffix_of(*line.command, option);
  return {{fmt::format(":files{}{}", suffix.empty() ? "" : " ", suffix), ""}};
}

// -- the answer

void offer(const std::vector<Candidate>& candidates, const std::string& begun, const std::string& before,
           const DeclaredOption* option) {
  for (const Candidate& candidate : candidates) {
    if (candidate.text.starts_with(':')) {
      fmt::print("{}\n", candidate.text);
    } else if (candidate.text.starts_with(begun) &&
               (option == nullptr || !option->accepts || option->accepts(candidate.text))) {
      fmt::print("{}{}\t{}\n", before, candidate.text, candidate.what);
    }
  }
}

std::vector<Candidate> option_candidates(const TypedLine& line) {
  std::vector<Candidate> found;
  const auto is_given = [&](const std::string& name) {
    return std::ranges::find(line.given, name) != line.given.end();
  };
  for (const DeclaredOption& option : line.command->options) {
    if (option.positional || (!option.many && is_given(option.names.front()))) continue;
    if (std::ranges::any_of(option.excludes, is_given)) continue;
    for (const std::string& name : option.names) found.push_back({name, option.what});
  }
  return found;
}

int complete(const Command& app, const Session& session, const std::vector<std::string>& words) {
  const DeclaredCommand program = app.declared();
  if (words.size() < 2) return exit_good;
  TypedLine line;
  line.command = &program;
  for (std::size_t i = 1; i + 1 < words.size(); ++i) take_word(line, words[i]);
  const std::string& word = words.back();
  if (line.command->takes_any_arguments) {
    offer({{":files", ""}}, word, "", nullptr);
  } else if (line.wants != nullptr) {
    offer(value_candidates(line, *line.wants, program, session), word, "", line.wants);
  } else if (is_option(line, word) || (word == "-" && !line.options_end)) {
    const std::size_t equals = word.find('=');
    const DeclaredOption* option = option_named(*line.command, word.substr(0, equals));
    if (equals == std::string::npos) {
      offer(option_candidates(line), word, "", nullptr);
    } else if (option != nullptr && !option->value.empty()) {
      offer(value_candidates(line, *option, program, session), word.substr(equals + 1),
            word.substr(0, equals + 1), option);
    }
  } else {
    if (line.positionals == 0 && !line.options_end)
      offer(command_candidates(*line.command), word, "", nullptr);
    if (const DeclaredOption* option = positional(*line.command, line.positionals))
      offer(value_candidates(line, *option, program, session), word, "", option);
  }
  return exit_good;
}

}  // namespace

void add_complete_command(Command app, Session& session) {
  Command command = app.add_subcommand("complete", "Print what can follow on a command line, for shells");
  command.hidden();
  command.prefix_command();
  command.footer(
      "The words of the command line: the program's name first, the incomplete word last.\n"
      "Examples:\n"
      "  ringside complete ringside run --mo");
  command.callback([app, &session, command] {
    session.run = [app, &session, words = command.remaining()] { return complete(app, session, words); };
  });
}

}  // namespace ringside::tools
