// view: shows a journal file as a table of lines or as a page that plays it. emu/trace and data.cc make the
// contents; this file reads and writes files.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "emu/trace/journal_file.h"
#include "emu/trace/lines.h"
#include "emu/trace/quote.h"
#include "tools/command.h"
#include "tools/embedded.h"
#include "tools/in_file.h"
#include "tools/out_file.h"
#include "tools/run/script_files.h"
#include "tools/view/command.h"
#include "tools/view/data.h"
#include "tools/view/export.h"
#include "tools/view/page.h"

namespace ringside::tools {

namespace {

/// Entries are a few hundred bytes each, and their number is limited, too.
constexpr std::uint64_t journal_file_bytes_max = std::uint64_t{1} << 32;

}  // namespace

Result<trace::Journaled> read_journal_file(const std::string& path) {
  if (path == "-") return trace::read_journal(std::cin, "stdin");
  const char* what = "cannot read a journal";
  if (auto good = check_input(what, path, journal_file_bytes_max, Streams::handed); !good)
    return good.error();
  std::ifstream file(path);
  if (!file) return Error{errno, what, path, std::strerror(errno), ""};
  return trace::read_journal(file, path);
}

namespace {

constexpr std::size_t runs_side_by_side_max = 2;

struct ViewOptions {
  std::vector<std::string> files;
  std::string html;
  bool text = false;
  bool schema = false;
  Exports exports;
};

void print(const std::string& line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
}

/// The header of the journal, as comments.
void print_header(const trace::JournalHeader& header) {
  // The header comes from the file, so its texts may contain any bytes.
  std::string machine = "# " + header.made_by + ", mode " + header.mode;
  if (header.seed) machine += ", seed " + std::to_string(*header.seed);
  if (!header.controller.empty()) machine += ", " + header.controller;
  if (!header.answer.empty()) machine += ", answered by " + header.answer;
  for (const std::string& quirk : header.quirks) machine += ", quirk " + quirk;
  if (header.scenario) print(trace::printable("# " + header.scenario->name + ": " + header.scenario->title));
  print(trace::printable(machine));
}

void print_text(const trace::Journaled& journal) {
  print_header(journal.header);
  print(trace::table_heading());
  trace::Replay replay;
  replay.begin(journal.header);
  auto mark = journal.marks.begin();
  for (const trace::JournalStep& each : journal.steps) {
    for (; mark != journal.marks.end() && mark->after < each.step; ++mark) print(trace::table_line(*mark));
    replay.take(each.step, each.entry);
    print(trace::table_line(each.step, each.entry, 0, replay));
  }
  for (; mark != journal.marks.end(); ++mark) print(trace::table_line(*mark));
}

int write_page(const std::vector<trace::Journaled>& journals, const ViewOptions& options) {
  std::vector<std::string> runs;
  for (std::size_t at = 0; at < journals.size(); ++at)
    runs.push_back(run_data(journals[at], options.files[at]));
  const std::string page = replay_page(runs);
  if (options.html == "-") {
    std::fwrite(page.data(), 1, page.size(), stdout);
    return exit_good;
  }
  if (auto written = write_file("cannot write a page", options.html, page); !written)
    return failed(written.error());
  std::fprintf(stderr, "%s: open it in a browser, or send it to another user; it needs no other file\n",
               options.html.c_str());
  return exit_good;
}

Result<> check_options(const ViewOptions& options) {
  if (options.files.size() > 1 && options.exports.any())
    return Error{EINVAL, "cannot write", "", "two journals can be written as a page only", "name one"};
  if (std::ranges::count(options.files, "-") > 1)
    return Error{EINVAL, "cannot view", "stdin", "it can be read only once", "name a file"};
  std::vector<std::string> outputs = options.exports.files();
  outputs.push_back(options.html);
  auto good = check_outputs("cannot view", outputs, options.files);
  if (options.text) outputs.emplace_back("-");
  if (good) good = check_distinct("cannot view", outputs);
  return good ? check_exports(options.exports) : good;
}

int view_command(const ViewOptions& options) {
  if (options.schema) {
    std::fwrite(embedded::journal_schema.data(), 1, embedded::journal_schema.size(), stdout);
    return exit_good;
  }
  if (auto good = check_options(options); !good) {
    failed(good.error());
    return exit_usage;
  }
  std::vector<trace::Journaled> journals;
  for (const std::string& file : options.files) {
    auto journal = read_journal_file(file);
    if (!journal) {
      failed(journal.error());
      return journal.error().code == EINVAL ? exit_does_not_parse : exit_could_not_run;
    }
    journals.push_back(std::move(*journal));
  }
  if (!options.html.empty()) {
    if (const int written = write_page(journals, options); written != exit_good) return written;
  }
  if (options.exports.any()) {
    if (const int written = write_exports(journals.front(), options.exports); written != exit_good)
      return written;
  }
  if (!options.text && (options.exports.any() || !options.html.empty())) return exit_good;
  for (const trace::Journaled& each : journals) print_text(each);
  return exit_good;
}

constexpr char view_examples[] =
    "`ringside run --journal` writes a journal: JSON lines, described by --schema.\n"
    "Exit status: 0 good, 1 usage, 2 the file is not a journal, 3 the file cannot be read.\n"
    "Examples:\n"
    "  ringside run hello.scn --journal hello.jsonl\n"
    "  ringside view hello.jsonl --text                    a line for each entry\n"
    "  ringside view hello.jsonl --text | grep dom1.rx     one ring of it\n"
    "  diff <(ringside view a.jsonl --text | cut -c20-) <(ringside view b.jsonl --text | cut -c20-)\n"
    "  ringside view hello.jsonl --pcap hello.pcapng       for Wireshark; tools/wireshark has the dissector\n"
    "  ringside view hello.jsonl --svg hello.svg           a diagram for slides; --mermaid: for wikis\n"
    "  ringside view hello.jsonl --slides hello.html       slides, one hop each; the arrow keys turn them\n"
    "  ringside view hello.jsonl --quiz quiz.html          questions about the run, for a class\n"
    "  ringside view hello.jsonl --asciicast hello.cast    what a screen showed, for asciinema; --perfetto: "
    "tracks\n"
    "  ringside view hello.jsonl --html hello.html         a page that plays it, step by step\n"
    "  ringside view off.jsonl on.jsonl --html both.html   two runs, side by side\n"
    "  ringside view --schema                              the schema of a journal's lines";

}  // namespace

void add_view_command(Command app, Session& session) {
  Command command = app.add_subcommand("view", "Look at the journal of a run");
  command.footer(view_examples);
  const auto options = std::make_shared<ViewOptions>();
  command.add_option("FILE", options->files, "One journal or two; - is stdin").at_most(runs_side_by_side_max);
  command.add_option("--html", options->html,
                     "Write the replay page there, one file; - is stdout. Two runs are shown side by side");
  command.add_flag("--text", options->text,
                   "Print a line for each entry: time, step, sender, receiver, ring, content (default)");
  command.add_flag("--schema", options->schema, "Print the JSON schema of a journal's lines");
  add_export_options(command, options->exports);
  command.callback([&session, options] {
    if (options->files.empty() && !options->schema) throw_missing("FILE");
    session.run = [options] { return view_command(*options); };
  });
}

}  // namespace ringside::tools
