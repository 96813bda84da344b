// Golden journals: the entries of every actor in a simulated run of seed 1, kept in a file beside the
// scenario and compared with the present run. They contain no times and no order between actors.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "emu/script/state.h"
#include "emu/script/syntax.h"

namespace ringside::tools {

/// The name of a run in a golden journal. It does not depend on other files.
[[nodiscard]] std::string golden_run(const script::Scenario& scenario);
/// "hello.scn" -> "hello.journal"
[[nodiscard]] std::string golden_path(const std::string& scenario_path);
/// The entries of each actor in order, one a line.
[[nodiscard]] std::string golden_text(const script::State& state);
/// The first difference between `text` and the file's text of this run; empty if they are equal.
[[nodiscard]] std::optional<std::string> golden_difference(const std::string& path, const std::string& run,
                                                           const std::string& text);

/// Writes golden journals for `--update`. Keeps the text of runs in the file that were not run now.
class GoldenUpdate {
 public:
  void add(const std::string& path, const std::string& run, std::string text);
  /// Returns what was written, one line a file.
  Result<std::vector<std::string>> write() const;

 private:
  std::map<std::string, std::map<std::string, std::string>> texts_;  ///< by file and run
};

}  // namespace ringside::tools
