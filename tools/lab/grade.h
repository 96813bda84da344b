// Judges a student's folder: runs the functions of check.sh, one for each check, on a copy of what is handed
// in. They run scenarios, the student's programs and ring-check; the student's code runs with the rights of
// the user. `result.txt` is what a lecturer collects.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tools/lab/catalog.h"
#include "tools/record.h"

namespace ringside::tools {

inline constexpr const char* lab_result_file = "result.txt";
inline constexpr const char* result_was_edited = "the result was edited";

enum class LabOutcome : std::uint8_t {
  good,
  wrong,
  could_not,  ///< the check could not be made: a compiler is missing, for example
};
[[nodiscard]] std::string_view outcome_word(LabOutcome outcome);

struct LabVerdict {
  LabOutcome outcome = LabOutcome::could_not;
  std::string reason;  ///< lines; empty if good
};

struct LabGrading {
  std::vector<LabVerdict> verdicts;  ///< in the order of the checks
  int signal = 0;                    ///< the signal that ended it early, or 0

  [[nodiscard]] std::size_t count(LabOutcome outcome) const;
};

/// `number` is the student's, for the values; `seed` begins the seeds of the runs. `done` gets each verdict.
[[nodiscard]] Result<LabGrading> grade_lab(
    const Lab& lab, const std::string& folder, std::uint32_t number, std::uint32_t seed,
    const std::function<void(const LabCheck& check, const LabVerdict& verdict)>& done);

/// The result of a grading, with the digests of the files and, last, of itself.
[[nodiscard]] Result<Record> lab_result(const Lab& lab, const std::string& folder, const Record& state,
                                        std::uint32_t seed, const LabGrading& grading);

/// Whether the last line of a result is the digest of the others.
[[nodiscard]] Result<bool> has_its_digest(const Record& result);

/// What is wrong with a result and its files beside it; empty if nothing is.
[[nodiscard]] Result<std::string> problem_of_result(const Lab& lab, const std::string& folder);

}  // namespace ringside::tools
