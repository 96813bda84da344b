// The place of a word in a file, and diagnostics about it: path, line, column, the line itself, a caret, and
// the files that include it.
//
// Sources owns the text of all files that are read together. A Span is a small value that refers to it. Files
// are opened by the caller's Reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "emu/base/check.h"

namespace ringside::script {

inline constexpr std::size_t source_bytes_max = 1 << 20;
inline constexpr std::size_t source_line_bytes_max = 4096;
inline constexpr std::size_t sources_max = 1000;  ///< a file that is included twice counts twice
inline constexpr std::size_t include_depth_max = 8;
inline constexpr std::size_t diagnostics_max = 100;

/// A part of one line.
struct Span {
  std::uint32_t source = 0;
  std::uint32_t line = 0;   ///< from 1; 0: nowhere
  std::uint32_t begin = 0;  ///< in bytes, from 0
  std::uint32_t end = 0;

  [[nodiscard]] bool nowhere() const { return line == 0; }
  friend auto operator<=>(const Span&, const Span&) = default;
};

/// From the first byte of `from` to the last of `to`, which are on the same line.
[[nodiscard]] inline Span joined(Span from, const Span& to) {
  from.end = to.end > from.end ? to.end : from.end;
  return from;
}

/// The text of a file, or an error.
using Reader = std::function<Result<std::string>(const std::string& path)>;

class Sources {
 public:
  struct Source {
    std::string path;
    std::vector<std::string> lines;
    Span included_from;  ///< nowhere for the file that the caller names
  };

  /// Splits `text` into lines, which end with "\n" or "\r\n". Returns the number of the source.
  std::uint32_t add(std::string path, std::string_view text, Span included_from = {});

  [[nodiscard]] std::size_t size() const { return sources_.size(); }
  [[nodiscard]] const Source& at(std::uint32_t source) const { return sources_[source]; }
  /// Line `line`, from 1; empty if there is none.
  [[nodiscard]] std::string_view line(std::uint32_t source, std::uint32_t line) const;
  [[nodiscard]] std::string_view text(const Span& span) const;
  /// The column of the span in characters, from 1, as editors count.
  [[nodiscard]] std::size_t column(const Span& span) const;

  /// "long-input.scn:10:6"
  [[nodiscard]] std::string place(const Span& span) const;
  /// "included from suite.scn:3, from all.scn:1"; empty for the file that the caller names.
  [[nodiscard]] std::string include_stack(std::uint32_t source) const;
  /// The number of includes that lead to this file.
  [[nodiscard]] std::size_t depth(std::uint32_t source) const;

  /// The three lines below a message: the arrow with the place, the line, the caret with `hint`. Ends with a
  /// newline. Contains no control characters of the file.
  [[nodiscard]] std::string excerpt(const Span& span, std::string_view hint) const;

 private:
  std::vector<Source> sources_;
};

enum class Severity : std::uint8_t { error, warning };

struct Diagnostic {
  Severity severity = Severity::error;
  std::string_view code;  ///< "E012"
  std::string message;
  Span span;
  std::string hint;  ///< after the caret; may be empty

  /// "error[E012]: user cannot "typs"" and the excerpt.
  [[nodiscard]] std::string text(const Sources& sources) const;
};

/// The errors and warnings, each once. Those beyond diagnostics_max are only counted.
class Diagnostics {
 public:
  void error(std::string_view code, const Span& span, std::string message, std::string hint = "");
  void warning(std::string_view code, const Span& span, std::string message, std::string hint = "");

  [[nodiscard]] std::size_t errors() const { return errors_; }
  [[nodiscard]] std::size_t warnings() const { return warnings_; }
  [[nodiscard]] const std::vector<Diagnostic>& all() const { return all_; }

  /// All of them, in the order of their lines, with an empty line between two.
  [[nodiscard]] std::string text(const Sources& sources) const;

 private:
  void add(Diagnostic diagnostic);

  std::vector<Diagnostic> all_;
  std::size_t errors_ = 0;
  std::size_t warnings_ = 0;
};

}  // namespace ringside::script
