// Golden journals: what every actor did in a simulated run of seed 1, kept in a file beside the scenario's
// and compared with what it does now. Times are not kept, and of two actors not which was first.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "emu/script/state.h"
#include "emu/script/syntax.h"

namespace ringside::tools {

/// What a run is called there: what it is called where its file is the only one.
[[nodiscard]] std::string golden_run(const script::Scenario& scenario);
/// "hello.scn" -> "hello.journal"
[[nodiscard]] std::string golden_path(const std::string& scenario_path);
/// The deeds of each actor in its own order, one a line.
[[nodiscard]] std::string golden_text(const script::State& state);
/// Where `text` is another than what the file has for the run of that name; nothing: they are the same.
[[nodiscard]] std::optional<std::string> golden_difference(const std::string& path, const std::string& run,
                                                           const std::string& text);

/// What `--update` writes: the runs that were there, with new texts for those that ran.
class GoldenUpdate {
 public:
  void add(const std::string& path, const std::string& run, std::string text);
  /// Answers what was written, one line a file.
  Result<std::vector<std::string>> write() const;

 private:
  std::map<std::string, std::map<std::string, std::string>> texts_;  ///< by file and run
};

}  // namespace ringside::tools
