// A journal file: an entry that can be read is written and read back unchanged, and every view of it can be
// made.
#include <sstream>

#include "emu/trace/asciicast.h"
#include "emu/trace/flow.h"
#include "emu/trace/journal_file.h"
#include "emu/trace/lines.h"
#include "emu/trace/pcapng.h"
#include "emu/trace/perfetto.h"
#include "emu/trace/plain.h"
#include "emu/trace/sequence.h"
#include "emu/trace/text.h"
#include "test/fuzz/targets.h"

namespace ringside::fuzz {

namespace {

using namespace trace;

std::string rewritten(const Journaled& journal) {
  std::ostringstream file;
  write_journal(file, journal);
  return file.str();
}

bool is_one_line(const std::string& text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) >= ' '; });
}

void look_at(const Journaled& journal) {
  Replay replay;
  replay.begin(journal.header);
  Pcapng capture(0);
  RS_CHECK(!capture.begin(journal.header).empty());
  for (const auto& [step, entry] : journal.steps) {
    replay.take(step, entry);
    RS_CHECK(is_one_line(to_text(entry, step, 0)));
    RS_CHECK(is_one_line(table_line(step, entry, 0, replay)));
    RS_CHECK(capture.packet(entry, step).size() % 4 == 0);
  }
  for (const JournalMark& mark : journal.marks) RS_CHECK(is_one_line(table_line(mark)));
  const Sequence sequence = sequence_of(journal);
  RS_CHECK(!to_mermaid(sequence).empty());
  RS_CHECK(!to_svg(sequence).empty());
  RS_CHECK(!to_perfetto(journal).empty());
  for (const std::string& screen : screens_of(journal)) RS_CHECK(!to_asciicast(journal, screen).empty());
}

}  // namespace

void journal(Bytes input) {
  std::istringstream file(std::string(input.begin(), input.end()));
  auto read = read_journal(file, "a journal");
  if (!read) return;
  const std::string once = rewritten(*read);
  std::istringstream again(once);
  auto second = read_journal(again, "a journal written anew");
  RS_CHECK(second);
  RS_CHECK(rewritten(*second) == once);
  RS_CHECK(second->header == read->header);
  RS_CHECK(second->marks == read->marks);
  look_at(*read);
}

}  // namespace ringside::fuzz
