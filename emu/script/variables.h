// The lines that give names to values, read into a draft's variables.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "emu/script/draft.h"

namespace ringside::script {

/// How many of `lines`, those after a `cases` line, belong to its table: its rows, and what is blank or a
/// comment in between.
[[nodiscard]] std::size_t rows_of_cases(const Line& cases, std::span<const Line> lines);

/// Cells of a line of a CSV file, each with its place; "" inside quotes is a quote.
struct Cell {
  std::string text;
  bool quoted = false;
  Span span;
};
[[nodiscard]] std::vector<Cell> csv_cells(std::string_view line, std::uint32_t source, std::uint32_t number);

/// Reads `cases`, `param` and `let`. `rows` are the lines that may be rows of a table.
class VariableReader {
 public:
  VariableReader(Script& script, const Reader& reader) : script_(script), reader_(reader) {}

  void param(const Line& line, Draft& draft);
  void let(const Line& line, Draft& draft);
  /// Answers how many of `rows` belong to the table.
  std::size_t cases(const Line& line, std::span<const Line> rows, Draft& draft);

 private:
  void add(Draft& draft, Variable variable);
  /// What asks for its names is not to be blamed.
  static void give_up(Draft& draft, const Variable& variable);
  void from_csv(const Token& path, const Line& line, Variable& variable);

  Script& script_;
  const Reader& reader_;
};

}  // namespace ringside::script
