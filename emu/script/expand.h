// From a scenario template to its runs: one for each combination of values, with all names replaced and all
// conditions decided.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emu/script/scenario_template.h"
#include "emu/script/syntax.h"

namespace ringside::script {

inline constexpr std::size_t runs_max = 10'000;         ///< of one scenario, without its seeds
inline constexpr std::size_t statements_max = 200'000;  ///< of one run, with its repeats
inline constexpr std::uint64_t repeat_max = 100'000;
inline constexpr std::size_t block_depth_max = 4;

/// The options `-p NAME=VALUE`: a parameter gets this value only, a table only the rows with it.
using Given = std::vector<std::pair<std::string, std::string>>;

/// All runs in that mode, in the order of their values; none if the scenario is for the other mode only. A
/// run with errors is included, without the lines that have them.
[[nodiscard]] std::vector<Scenario> expand(const ScenarioTemplate& scenario_template, Mode mode,
                                           const Given& given, Diagnostics& diagnostics);

/// Warns about names that no line uses.
void warn_of_unused(const ScenarioTemplate& scenario_template, Diagnostics& diagnostics);

// -- settings

/// The settings that a scenario has so far: a second one of the same name is an error.
struct SettingsSeen {
  std::vector<std::pair<std::string, Span>> lines;
};
[[nodiscard]] bool is_setting(const Token& first);
/// Applies the line of a setting.
void apply_setting(const std::vector<Token>& tokens, Setup& setup, SettingsSeen& seen,
                   Diagnostics& diagnostics);

}  // namespace ringside::script
