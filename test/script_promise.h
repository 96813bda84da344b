// The invariants of formatting and printing a scenario. For unit tests and for the fuzz target.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>

#include "emu/script/format.h"
#include "emu/script/lexer.h"
#include "test/script_text.h"

namespace ringside::test {

[[nodiscard]] inline std::optional<std::string> formatted(const std::string& text) {
  script::Sources sources;
  script::Diagnostics found;
  return script::format("test.scn", text, sources, found);
}

/// What the parser sees of a file: words, titles, comments, and the lines of tables.
[[nodiscard]] inline std::string seen(const std::string& text) {
  script::Sources sources;
  script::Diagnostics found;
  std::string all;
  for (const script::Line& line : script::lex(sources, sources.add("test.scn", text), found)) {
    if (line.blank()) continue;
    bool in_table = !line.tokens.empty() && line.tokens.front().is("cases");
    for (const script::Token& token : line.tokens) {
      if (in_table && token.is(",")) continue;  // it has no meaning between names
      all += fmt::format("{}:{}:{} ", static_cast<int>(token.kind), token.number, sources.text(token.span));
    }
    std::string comment(sources.text(line.comment));
    while (comment.ends_with(' ') || comment.ends_with('\t')) comment.pop_back();
    all += comment + "\n";
  }
  return all;
}

/// The result of a reading: its runs, and the number of errors. Tabs disappear with formatting.
[[nodiscard]] inline std::string outcome(const std::string& text) {
  Parsed reading = read_text(text);
  std::string all = fmt::format("{} errors\n", reading.script.diagnostics.errors());
  for (const script::Scenario& run : reading.runs)
    all += fmt::format("{} {}\n", run.name, run.statements.size());
  return all;
}

}  // namespace ringside::test
