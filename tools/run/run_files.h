// The files that runs write: journals, pages and captures on request, and for a failed run one folder with
// everything that is needed to examine it elsewhere.
#pragma once

#include <string>

#include "emu/script/run.h"
#include "emu/trace/journal_file.h"
#include "tools/run/jobs.h"

namespace ringside::tools {

/// Quotes `text` for a shell as one printable word. If `text` contains unprintable bytes, the word has the
/// form $'...' of Bash and Zsh.
[[nodiscard]] std::string as_word(const std::string& text);
/// "ringside run long-input.scn -p BYTES=481 --seed 1"
[[nodiscard]] std::string again_command(const RunJob& job);
/// The name of the run's page in a folder of pages.
[[nodiscard]] std::string run_page_name(const RunJob& job);
/// The command that shows the journal at the decisive step.
[[nodiscard]] std::string look_command(const std::string& journal, const script::RunRecord& record);

[[nodiscard]] trace::Journaled journal_of_job(const RunJob& job, const script::RunRecord& record);
/// Returns the path.
[[nodiscard]] Result<std::string> write_run_journal(const RunJob& job, const RunJobOptions& options,
                                                    const trace::Journaled& journal);
/// Writes the requested views of a run. Returns errors as text.
[[nodiscard]] std::string write_run_views(const RunJob& job, const RunJobOptions& options,
                                          const trace::Journaled& journal);

/// The path of the run's journal in options.keep_failed.
[[nodiscard]] std::string kept_journal(const RunJob& job, const RunJobOptions& options);
/// Writes the folder of a failed run: `report`, the scenario as it was run, journal, page and capture.
/// Returns errors as text.
[[nodiscard]] std::string keep_failed(const RunJob& job, const RunJobOptions& options,
                                      const script::RunRecord& record, const std::string& report);
/// Removes the folder that an earlier call wrote for this run.
void forget_failed(const RunJob& job, const RunJobOptions& options);

}  // namespace ringside::tools
