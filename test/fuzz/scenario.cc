// A scenario's front end: reading any file ends with diagnostics or runs; formatting changes no word, and a
// second time changes nothing; a printed run reads back as the same run.
#include "emu/script/print.h"
#include "test/fuzz/targets.h"
#include "test/script_promise.h"

namespace ringside::fuzz {

void scenario(Bytes input) {
  const std::string text(input.begin(), input.end());
  test::Parsed reading = test::read_text(text);
  static_cast<void>(script::check_all(reading.script));
  const std::string said = reading.said();
  RS_CHECK(said.empty() || said.ends_with('\n'));
  for (const char c : said) RS_CHECK(c == '\n' || static_cast<unsigned char>(c) >= ' ');

  if (const auto once = test::formatted(text)) {
    RS_CHECK(test::seen(*once) == test::seen(text));
    RS_CHECK(test::outcome(*once) == test::outcome(text));
    RS_CHECK(test::formatted(*once) == once);
  }

  if (reading.script.diagnostics.errors() != 0) return;
  constexpr std::size_t runs_printed_max = 4;
  for (std::size_t i = 0; i < std::min(reading.runs.size(), runs_printed_max); ++i) {
    const std::string printed = script::written(reading.runs[i]);
    test::Parsed again = test::read_text(printed);
    RS_CHECK(again.script.diagnostics.errors() == 0);
    RS_CHECK(again.runs.size() == 1);
    RS_CHECK(script::written(again.runs[0]) == printed);
  }
}

}  // namespace ringside::fuzz
