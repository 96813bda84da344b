// Journals made into what other programs show.
#include "tools/view_export.h"

#include <fmt/format.h>

#include "tools/out_file.h"

namespace ringside::tools {

namespace {

/// "hello.scn:7: user types \"a\""
std::string place_and_text(const trace::JournalHeader& header, const trace::JournalMark& mark) {
  std::string file = mark.file;
  if (file.empty() && header.scenario)
    file = header.scenario->path.substr(header.scenario->path.rfind('/') + 1);
  return fmt::format("{}:{}: {}", file, mark.line, mark.text);
}

}  // namespace

Result<> write_capture(const trace::Journaled& journal, const std::string& path, std::uint16_t link_type) {
  auto file = OutFile::open(path, true);
  if (!file) return file.error();
  trace::Pcapng capture(0, link_type);
  file->write(capture.begin());
  auto mark = journal.marks.begin();
  for (const trace::JournalStep& each : journal.steps) {
    std::vector<std::string> lines;
    for (; mark != journal.marks.end() && mark->after < each.step; ++mark) {
      // What failed is told where it was looked for, and puts no line into force.
      if (mark->kind != trace::JournalMark::Kind::failure)
        lines.push_back(place_and_text(journal.header, *mark));
    }
    file->write(capture.packet(each.entry, each.step, lines));
  }
  return file->close();
}

void add_export_options(CLI::App& command, Exports& exports) {
  CLI::Option* pcap =
      command.add_option("--pcap", exports.pcap, "Write a capture there, for Wireshark; - is stdout");
  command.add_option("--link-type", exports.link_type, "Of the capture: one of those that are nobody's")
      ->check(CLI::Range(trace::capture_link_type_default, trace::capture_link_type_max))
      ->capture_default_str()
      ->needs(pcap);
}

int write_exports(const trace::Journaled& journal, const Exports& exports) {
  if (!exports.pcap.empty()) {
    const auto written = write_capture(journal, exports.pcap, exports.link_type);
    if (!written) return failed(written.error());
  }
  return exit_good;
}

}  // namespace ringside::tools
