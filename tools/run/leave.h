// What runs leave behind: journals, pages and captures where they are asked for, and of a run that failed one
// folder with all that it takes to look into it elsewhere.
#pragma once

#include <string>

#include "emu/script/run.h"
#include "emu/trace/journal_file.h"
#include "tools/run/jobs.h"

namespace ringside::tools {

/// A shell takes it as one word. It can be printed: where `text` cannot, it is the kind of word that Bash and
/// Zsh know.
[[nodiscard]] std::string as_word(const std::string& text);
/// "ringside run long-input.scn -p BYTES=481 --seed 1"
[[nodiscard]] std::string again_command(const RunJob& job);
/// How to look at it, at the step that decided.
[[nodiscard]] std::string look_command(const std::string& journal, const script::Story& story);

[[nodiscard]] trace::Journaled journal_of_job(const RunJob& job, const script::Story& story);
/// Answers the path.
[[nodiscard]] Result<std::string> leave_journal(const RunJob& job, const RunJobOptions& options,
                                                const trace::Journaled& journal);
/// The views of a run that are wanted; answers what could not be written.
[[nodiscard]] std::string leave_views(const RunJob& job, const RunJobOptions& options,
                                      const trace::Journaled& journal);

/// Where the journal of a run is that is kept in options.keep_failed.
[[nodiscard]] std::string kept_journal(const RunJob& job, const RunJobOptions& options);
/// Leaves the folder of a run that failed: `report`, the scenario as it was run, journal, page and capture.
/// Answers what could not be written.
[[nodiscard]] std::string keep_failed(const RunJob& job, const RunJobOptions& options,
                                      const script::Story& story, const std::string& report);
/// Removes what an earlier call has left of this run there.
void forget_failed(const RunJob& job, const RunJobOptions& options);

}  // namespace ringside::tools
