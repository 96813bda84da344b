// The index of the replay pages of a call: its lessons in their order, what each is about, and how its runs
// ended. The file is index.html, beside the pages.
#pragma once

#include <string>
#include <vector>

#include "tools/run/jobs.h"

namespace ringside::tools {

/// Further runs are only counted.
inline constexpr std::size_t index_runs_max = 100'000;

class IndexPage {
 public:
  void add(const RunJob& job, const RunResult& result);
  /// Writes the file into the folder of the pages. `interruption`: the runs ended early; "" if they did not.
  [[nodiscard]] Result<> write(const std::string& folder, const std::vector<UnreadableFile>& unreadable,
                               const std::string& interruption) const;

 private:
  struct Ended {
    std::string name;  ///< "typing[BYTES=481] seed 1"
    std::string page;
    std::string twin;  ///< the page of the same run with processes, or ""
    script::Outcome outcome = script::Outcome::passed;
    std::string first;  ///< the first error
  };
  /// A file's scenario; its cases are runs of it.
  struct Lesson {
    std::string path;
    std::string title;
    std::vector<std::string> prose;
    std::vector<Ended> runs;
  };
  [[nodiscard]] static std::string markup(const Lesson& lesson, const std::string& folder);

  std::vector<Lesson> lessons_;
  std::size_t runs_ = 0;
};

}  // namespace ringside::tools
