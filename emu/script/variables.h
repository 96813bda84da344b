// Parses the lines that define names into a template's variables.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "emu/script/scenario_template.h"

namespace ringside::script {

/// The number of `lines`, those after a `cases` line, that belong to its table: rows, with blank lines and
/// comments between them.
[[nodiscard]] std::size_t rows_of_cases(const Line& cases, std::span<const Line> lines);

/// A cell of a line of a CSV file, and its place. "" inside quotes is a quote.
struct Cell {
  std::string text;
  bool quoted = false;
  Span span;
};
[[nodiscard]] std::vector<Cell> csv_cells(std::string_view line, std::uint32_t source, std::uint32_t number);

/// Parses `cases`, `param` and `let`. `rows` are the lines that may be rows of a table.
class VariableReader {
 public:
  VariableReader(Script& script, const Reader& reader) : script_(script), reader_(reader) {}

  void param(const Line& line, ScenarioTemplate& scenario_template);
  void let(const Line& line, ScenarioTemplate& scenario_template);
  /// Returns how many of `rows` belong to the table.
  std::size_t cases(const Line& line, std::span<const Line> rows, ScenarioTemplate& scenario_template);

 private:
  void add(ScenarioTemplate& scenario_template, Variable variable);
  /// Marks the names as broken, so that lines that use them cause no further errors.
  static void mark_broken(ScenarioTemplate& scenario_template, const Variable& variable);
  void from_csv(const Token& path, const Line& line, Variable& variable);

  Script& script_;
  const Reader& reader_;
};

}  // namespace ringside::script
