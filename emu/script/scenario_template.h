// A file as it was written: its lines with includes in place, and the values by which its runs differ. Names
// in braces are not replaced yet.
//
// Files are opened through a Reader only. All errors are reported. A file with errors has a template, too, so
// that all of its errors can be reported at once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "emu/script/lexer.h"
#include "emu/script/source.h"

namespace ringside::script {

inline constexpr std::size_t case_rows_max = 10'000;
inline constexpr std::size_t variables_max = 32;
inline constexpr std::size_t lines_max = 100'000;  ///< of a scenario, with its includes

/// A name, or the names of a table's columns, and their possible values.
struct Variable {
  enum class Kind : std::uint8_t { param, cases, let };
  Kind kind = Kind::param;
  Span span;
  std::vector<std::string> names;
  std::vector<std::vector<Token>> rows;  ///< each has as many tokens as there are names
  std::size_t naming = 1;                ///< the number of columns that identify a row
};

struct ScenarioTemplate {
  std::string path;
  /// The file's name without folder and .scn, printable; with "-2", "-3" ... for further scenarios of the
  /// file.
  std::string stem;
  std::string number_suffix;  ///< that "-2"; empty for the first
  /// The beginning of its runs' names: `stem`, unless another file has the same one.
  std::string shown;
  std::string title;
  Span title_span;
  std::vector<Variable> variables;
  std::vector<std::string> broken;  ///< names whose values could not be read; that is reported already
  std::vector<Line> lines;          ///< settings, statements, phases; unreadable lines are marked

  [[nodiscard]] const Variable* find(std::string_view name) const;
  /// All names, in the order of their lines.
  [[nodiscard]] std::vector<std::string> names() const;
};

/// A file and everything it includes.
struct Script {
  Sources sources;
  Diagnostics diagnostics;
  std::vector<ScenarioTemplate> templates;
  bool lines_missing = false;  ///< a file could not be read; the rest makes no sense without its lines
};

[[nodiscard]] Script read_script(const std::string& path, const Reader& reader);

/// The path of `name`, relative to the folder of `from`.
[[nodiscard]] std::string path_beside(std::string_view from, std::string_view name);

}  // namespace ringside::script
