// A file as it was written: its lines with includes in place, and the values that its runs differ by. Names
// in braces are still names.
//
// Reading opens files through a Reader only, and reports everything that it finds; a draft with faults in it
// is still a draft, so that all of a file's faults can be told at once.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "emu/script/lexer.h"
#include "emu/script/source.h"

namespace ringside::script {

inline constexpr std::size_t case_rows_max = 10'000;
inline constexpr std::size_t variables_max = 32;
inline constexpr std::size_t lines_max = 100'000;  ///< of a scenario, with what it includes

/// A name, or the names of a table's columns, and what they may be.
struct Variable {
  enum class Kind : std::uint8_t { param, cases, let };
  Kind kind = Kind::param;
  Span span;
  std::vector<std::string> names;
  std::vector<std::vector<Token>> rows;  ///< as many tokens each as there are names
  std::size_t naming = 1;                ///< so many columns tell the rows apart
};

struct Draft {
  std::string path;
  /// The file's name without folder and .scn, printable; with "-2" and so on if it is not the first one.
  std::string stem;
  std::string number_suffix;  ///< that "-2"; empty for the first
  /// What the names of its runs begin with: `stem`, unless another file has the same one.
  std::string shown;
  std::string title;
  Span title_span;
  std::vector<Variable> variables;
  std::vector<std::string> broken;  ///< names whose values could not be read: told already
  std::vector<Line> lines;          ///< settings, statements, phases; unreadable ones are marked

  [[nodiscard]] const Variable* find(std::string_view name) const;
  /// All names, in the order of their lines.
  [[nodiscard]] std::vector<std::string> names() const;
};

/// A file and all that it includes.
struct Script {
  Sources sources;
  Diagnostics diagnostics;
  std::vector<Draft> drafts;
};

[[nodiscard]] Script read_script(const std::string& path, const Reader& reader);

/// `name` as seen from the folder of `from`.
[[nodiscard]] std::string path_beside(std::string_view from, std::string_view name);

}  // namespace ringside::script
