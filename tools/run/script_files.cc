// check-scn and fmt: check and format scenarios without running them.
#include "tools/run/script_files.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <system_error>
#include <vector>

#include "emu/script/format.h"
#include "emu/script/script.h"
#include "emu/script/vocabulary.h"
#include "tools/out_file.h"

namespace ringside::tools {

namespace {

constexpr const char* cannot_read = "cannot read a scenario";

/// Reads at most one byte more than a scenario may have, since a stream may be endless.
std::string read_bounded(std::istream& from) {
  std::string bytes(script::source_bytes_max + 1, '\0');
  from.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(from.gcount()));
  return bytes;
}

Result<std::string> read_all(const std::string& path, Streams streams) {
  if (path == "-" && streams == Streams::handed) return read_bounded(std::cin);
  if (auto good = check_input(cannot_read, path, script::source_bytes_max, streams); !good)
    return good.error();
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{errno, cannot_read, path, std::generic_category().message(errno), ""};
  return read_bounded(file);
}

void print_word(std::string_view kind, std::string_view word, std::string_view syntax,
                std::string_view what) {
  std::printf(
      "%s\n",
      fmt::format("{:<8}  {:<16}  {}{}{}", kind, word, syntax, syntax.empty() ? "" : "  --  ", what).c_str());
}

/// Prints the whole language, one word a line. Tests compare editors' grammars and the reference with it.
int print_words() {
  for (const auto& each : script::lines_known()) print_word("line", each.word, each.syntax, each.what);
  for (const auto& each : script::actors_known()) print_word("actor", each.word, "", each.what);
  for (const auto& each : script::verbs_known())
    print_word(each.act ? "act" : "expect", each.word, each.syntax, each.what);
  for (const auto& actor : script::actors_known()) {
    for (const auto& each : script::counters_known()) {
      const bool has = (each.roles & script::only(actor.role)) != 0;
      if (has) print_word("counter", fmt::format("{}.{}", actor.word, each.name), each.unit, each.what);
    }
  }
  for (const std::string_view name : script::counters_of(trace::Role::domain))
    print_word("counter", fmt::format("dom1.{}", name), "",
               script::find_counter(trace::Role::domain, name)->what);
  for (const auto& each : script::message_types())
    print_word("type", each.name, "", std::to_string(each.number));
  for (const auto& each : script::virqs()) print_word("virq", each.name, "", std::to_string(each.number));
  for (const auto& each : script::xcs_results())
    print_word("result", each.name, "", std::to_string(each.number));
  for (const std::string_view each : script::connecting_words()) print_word("word", each, "", "in between");
  return exit_good;
}

int check_files(const std::vector<std::string>& paths, bool warnings_count) {
  bool good = true;
  std::size_t runs = 0;
  for (const std::string& path : paths) {
    script::Script read = script::read_script(path, file_reader());
    runs += script::check_all(read);
    const auto& found = read.diagnostics;
    std::fputs(found.text(read.sources).c_str(), stderr);
    good = good && found.errors() == 0 && (!warnings_count || found.warnings() == 0);
  }
  if (good)
    std::printf("%zu file%s, %zu run%s\n", paths.size(), paths.size() == 1 ? "" : "s", runs,
                runs == 1 ? "" : "s");
  return good ? exit_good : exit_does_not_parse;
}

int format_files(const std::vector<std::string>& paths, bool check_only) {
  int result = exit_good;
  for (const std::string& path : paths) {
    auto text = read_all(path, Streams::handed);
    if (!text) return failed(text.error());
    script::Sources sources;
    script::Diagnostics found;
    const std::optional<std::string> formatted = script::format(path, *text, sources, found);
    if (!formatted) {
      std::fputs(found.text(sources).c_str(), stderr);
      result = exit_does_not_parse;
    } else if (check_only) {
      if (*formatted == *text) continue;
      std::printf("%s\n", path.c_str());
      if (result == exit_good) result = exit_usage;
    } else if (path == "-") {
      std::fputs(formatted->c_str(), stdout);
    } else if (*formatted != *text) {
      if (const auto written = write_file("cannot write a scenario", path, *formatted); !written)
        return failed(written.error());
    }
  }
  return result;
}

void add_check(Command app, Session& session) {
  Command command = app.add_subcommand("check-scn", "Check scenarios, and report all their errors");
  command.footer(
      "Nothing is run. Each error shows its line, and what would be possible there. The exit status is 2\n"
      "if a file has errors, and with --strict also if it has warnings.\n"
      "Examples:\n"
      "  ringside check-scn scenarios/*.scn\n"
      "  ringside check-scn --strict hello.scn\n"
      "  ringside check-scn --words           the words of the language, and what they mean");
  const auto paths = std::make_shared<std::vector<std::string>>();
  const auto strict = std::make_shared<bool>(false);
  const auto words = std::make_shared<bool>(false);
  const Option files = command.add_option("FILE", *paths, "Scenarios; - is stdin");
  command.add_flag("--strict", *strict, "Warnings count as errors");
  command.add_flag("--words", *words, "List the language's words").excludes(files);
  command.callback([&session, paths, strict, words] {
    if (paths->empty() && !*words) throw_missing("FILE");
    session.run = [paths, strict, words] { return *words ? print_words() : check_files(*paths, *strict); };
  });
}

void add_format(Command app, Session& session) {
  Command command = app.add_subcommand("fmt", "Format scenarios in the standard layout");
  command.footer(
      "Words get one space between them, blocks and rows of cases are indented, comments after lines are\n"
      "aligned. Meaning, comments and empty lines are kept. A file that does not parse is not changed\n"
      "(status 2).\n"
      "Examples:\n"
      "  ringside fmt hello.scn               in place\n"
      "  ringside fmt - <hello.scn            to stdout; editors do this\n"
      "  ringside fmt --check scenarios/*.scn names files that would change; status 1 if there are any");
  const auto paths = std::make_shared<std::vector<std::string>>();
  const auto check_only = std::make_shared<bool>(false);
  command.add_option("FILE", *paths, "Scenarios; - is stdin, written to stdout").required();
  command.add_flag("--check", *check_only, "Change nothing; name the files that would change");
  command.callback([&session, paths, check_only] {
    session.run = [paths, check_only] { return format_files(*paths, *check_only); };
  });
}

}  // namespace

script::Reader file_reader(Streams streams) {
  return [streams](const std::string& path) { return read_all(path, streams); };
}

void add_script_file_commands(Command app, Session& session) {
  add_check(app, session);
  add_format(app, session);
}

}  // namespace ringside::tools
