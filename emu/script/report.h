// How a run went, as text: the failed lines with the values that there were, what applied, why, and how to
// see it again. Pure: values in, text out.
#pragma once

#include <string>
#include <vector>

#include "emu/script/run.h"
#include "emu/script/source.h"

namespace ringside::script {

struct ReportContext {
  std::uint64_t seed = 1;
  std::string again;    ///< the command that runs it again
  std::string journal;  ///< where the journal was written; empty: nowhere
};

/// Failures shown of one run; what is beyond is only counted.
inline constexpr std::size_t failures_shown_max = 10;
/// Entries shown around the one that decided.
inline constexpr std::size_t entries_before = 4;

/// Why a run failed or could not run; empty for one that passed. Ends with a newline.
[[nodiscard]] std::string failure_report(const Scenario& scenario, const Sources& sources, const Story& story,
                                         const ReportContext& context);
/// What was found in place of what the line of `failure` expects.
[[nodiscard]] std::string failure_instead(const Failure& failure);
/// The circumstances of `failure`, a sentence each: a full ring, quirks, earlier lines.
[[nodiscard]] std::vector<std::string> failure_reasons(const Scenario& scenario, const Sources& sources,
                                                       const Story& story, const Failure& failure);
/// "1s, the default timeout"; empty: no limit applied.
[[nodiscard]] std::string failure_limit(const Failure& failure);
/// What a run has to say besides; empty for nothing. Ends with a newline.
[[nodiscard]] std::string warnings_report(const Scenario& scenario, const Sources& sources,
                                          const Story& story);

/// An entry as an expectation that it would meet, without the word `expect`: "xcs writes dom1.rx[7] request
/// console length 60 "abcabc"...". What an expectation cannot say is in a comment behind it.
[[nodiscard]] std::string as_expected(const trace::Entry& entry, const Cast::Names& names);
/// "1.100ms"
[[nodiscard]] std::string time_text(Duration time);

}  // namespace ringside::script
