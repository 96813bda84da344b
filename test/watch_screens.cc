// The screens of a watch for a journal: that of `ringside watch` after each entry of one domain, for
// views_test.py.
//
// usage: watch_screens JOURNAL DOMAIN     prints each step's number, its screen, and a form feed
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "emu/trace/journal_file.h"
#include "tools/watch/screen.h"

namespace {

using namespace ringside;
using namespace ringside::tools;

constexpr std::size_t columns = 150;
constexpr std::size_t rows = 60;

/// Without trailing spaces; '~' in place of every character beyond ASCII.
std::string row_text(const Canvas& canvas, std::size_t row) {
  std::string text;
  for (const Cell& cell : canvas.row(row)) {
    if (cell.glyph.columns != 0)
      text += cell.glyph.character < 0x7f ? static_cast<char>(cell.glyph.character) : '~';
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 1;
  std::ifstream file(argv[1]);
  auto journal = trace::read_journal(file, argv[1]);
  if (!journal) {
    fmt::print(stderr, "{}\n", journal.error().text());
    return 1;
  }
  const auto domain = static_cast<std::uint32_t>(std::strtoul(argv[2], nullptr, 10));
  WatchHistory history(domain);
  history.begin(journal->header);
  for (const trace::JournalStep& each : journal->steps) {
    const std::uint64_t before = history.newest();
    history.take(each.entry);
    if (history.newest() == before) continue;
    Canvas canvas(columns, rows, true);
    draw_watch(canvas, {.who = fmt::format("dom{}", domain)}, history);
    fmt::print("{}\n", each.step);
    for (std::size_t row = 0; row < rows; ++row) fmt::print("{}\n", row_text(canvas, row));
    fmt::print("\f");
  }
  return 0;
}
