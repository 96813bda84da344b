// view: a journal file, as a table of lines. What it shows is made by emu/trace; this reads files and writes
// them.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>

#include "emu/trace/journal_file.h"
#include "emu/trace/lines.h"
#include "tools/command.h"
#include "tools/embedded.h"
#include "tools/script_files.h"
#include "tools/view.h"
#include "tools/view_export.h"

namespace ringside::tools {

Result<trace::Journaled> read_journal_file(const std::string& path) {
  if (path == "-") return trace::read_journal(std::cin, "stdin");
  std::ifstream file(path);
  if (!file) return Error{errno, "cannot read a journal", path, std::strerror(errno), ""};
  return trace::read_journal(file, path);
}

namespace {

struct Options {
  std::string file;
  bool text = false;
  bool schema = false;
  Exports exports;
};

void print(const std::string& line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
}

/// What the file is of, as comments.
void print_header(const trace::JournalHeader& header) {
  std::string machine = "# " + header.made_by + ", mode " + header.mode;
  if (header.seed) machine += ", seed " + std::to_string(*header.seed);
  if (!header.controller.empty()) machine += ", " + header.controller;
  for (const std::string& quirk : header.quirks) machine += ", quirk " + quirk;
  if (header.scenario) print("# " + header.scenario->name + ": " + header.scenario->title);
  print(machine);
}

int print_text(const trace::Journaled& journal) {
  print_header(journal.header);
  print(trace::table_heading());
  trace::Replay replay;
  auto mark = journal.marks.begin();
  for (const trace::JournalStep& each : journal.steps) {
    for (; mark != journal.marks.end() && mark->after < each.step; ++mark) print(trace::table_line(*mark));
    replay.take(each.step, each.entry);
    print(trace::table_line(each.step, each.entry, 0, replay));
  }
  for (; mark != journal.marks.end(); ++mark) print(trace::table_line(*mark));
  return exit_good;
}

int view_command(const Options& options) {
  if (options.schema) {
    std::fwrite(embedded::journal_schema.data(), 1, embedded::journal_schema.size(), stdout);
    return exit_good;
  }
  auto journal = read_journal_file(options.file);
  if (!journal) {
    failed(journal.error());
    return journal.error().code == EINVAL ? exit_does_not_parse : exit_could_not_run;
  }
  if (options.exports.any() && !options.text) return write_exports(*journal, options.exports);
  if (const int written = write_exports(*journal, options.exports); written != exit_good) return written;
  return print_text(*journal);
}

constexpr char examples[] =
    "A journal is what `ringside run --journal` leaves: JSON lines, described by --schema.\n"
    "Exit status: 0 good, 1 usage, 2 the file is no journal, 3 it cannot be read.\n"
    "Examples:\n"
    "  ringside run hello.scn --journal hello.jsonl\n"
    "  ringside view hello.jsonl --text                    a line for each entry\n"
    "  ringside view hello.jsonl --text | grep dom1.rx     one ring of it\n"
    "  diff <(ringside view a.jsonl --text | cut -c20-) <(ringside view b.jsonl --text | cut -c20-)\n"
    "  ringside view hello.jsonl --pcap hello.pcapng       for Wireshark; tools/wireshark has the dissector\n"
    "  ringside view --schema                              what each line of a journal is";

}  // namespace

void add_view_command(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("view", "Look at the journal of a run");
  command->footer(examples);
  const auto options = std::make_shared<Options>();
  CLI::Option* file = command->add_option("FILE", options->file, "The journal; - is stdin");
  command->add_flag("--text", options->text, "As text: time, step, who to whom, ring, what");
  CLI::Option* schema =
      command->add_flag("--schema", options->schema, "Print the JSON schema of a journal's lines");
  add_export_options(*command, options->exports);
  command->callback([&session, options, file, schema] {
    if (file->empty() && schema->empty()) throw CLI::RequiredError("FILE");
    session.run = [options] { return view_command(*options); };
  });
}

}  // namespace ringside::tools
