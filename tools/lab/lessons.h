// Lessons for the lecturer's pages: scenarios, read and run once in simulation, with their journals.
#pragma once

#include <string>
#include <vector>

#include "emu/trace/journal_file.h"
#include "tools/lab/catalog.h"

namespace ringside::tools {

struct LessonRun {
  std::string title;
  trace::Journaled journal;
};

/// A file of scenarios.
struct Lesson {
  std::string file;                ///< "04-ring-wraps.scn"
  std::string stem;                ///< for names of pages: "04-ring-wraps"
  std::vector<std::string> lines;  ///< of the file
  std::vector<LessonRun> runs;     ///< the first one of each scenario
};

/// Reads and runs the files, or the others if there are none. Prints its errors. Returns the exit status.
[[nodiscard]] int read_lessons(const std::vector<std::string>& paths, const std::vector<StartingFile>& others,
                               std::vector<Lesson>& lessons);

/// The sheet's text as HTML: the lesson's prose, its source, and a picture of each run.
[[nodiscard]] std::string sheet_of(const Lesson& lesson);

}  // namespace ringside::tools
