// The result of a run as text: failed lines with their values, the circumstances, the reason, and the command
// that repeats the run. Pure: values in, text out.
#pragma once

#include <string>
#include <vector>

#include "emu/script/run.h"
#include "emu/script/source.h"

namespace ringside::script {

struct ReportContext {
  std::uint64_t seed = 1;
  std::string again;    ///< the command that repeats the run
  std::string journal;  ///< the path of the journal; empty: not written
};

/// The most failures of one run that are shown. Further ones are counted.
inline constexpr std::size_t failures_shown_max = 10;
/// The entries shown before the deciding one.
inline constexpr std::size_t entries_before = 4;

/// Why a run failed or could not run; empty if it passed. Ends with a newline.
[[nodiscard]] std::string failure_report(const Scenario& scenario, const Sources& sources,
                                         const RunRecord& record, const ReportContext& context);
/// What was found in place of what the line of `failure` expects.
[[nodiscard]] std::string failure_instead(const Failure& failure);
/// The circumstances of `failure`, a sentence each: a full ring, quirks, earlier lines.
[[nodiscard]] std::vector<std::string> failure_reasons(const Scenario& scenario, const Sources& sources,
                                                       const RunRecord& record, const Failure& failure);
/// "1s, the default timeout"; empty: no limit applied.
[[nodiscard]] std::string failure_limit(const Failure& failure);
/// The warnings of a run; empty if there are none. Ends with a newline.
[[nodiscard]] std::string warnings_report(const Scenario& scenario, const Sources& sources,
                                          const RunRecord& record);

/// An entry as an expectation that it meets, without the word `expect`: "xcs writes dom1.rx[7] request
/// console length 60 "abcabc"...". What an expectation cannot express is in a comment after it.
[[nodiscard]] std::string as_expected(const trace::Entry& entry, const ActorMap::Names& names);
/// "1.100ms"
[[nodiscard]] std::string time_text(Duration time);

}  // namespace ringside::script
