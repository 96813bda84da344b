// From a draft to its runs: each combination of values makes one, with nothing left to be decided.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emu/script/draft.h"
#include "emu/script/syntax.h"

namespace ringside::script {

inline constexpr std::size_t runs_max = 10'000;         ///< of one scenario, without its seeds
inline constexpr std::size_t statements_max = 200'000;  ///< of one run, with its repeats
inline constexpr std::uint64_t repeat_max = 100'000;
inline constexpr std::size_t block_depth_max = 4;

/// What `-p NAME=VALUE` says: a parameter has this value only, and a table the rows with it.
using Given = std::vector<std::pair<std::string, std::string>>;

/// All runs in that mode, in the order of their values; none if the scenario is for the other one only. A
/// run with a fault in it is there too, without the lines that have it.
[[nodiscard]] std::vector<Scenario> expand(const Draft& draft, Mode mode, const Given& given,
                                           Diagnostics& diagnostics);

/// Names that nothing asks for.
void warn_of_unused(const Draft& draft, Diagnostics& diagnostics);

// -- settings

/// Which of them a scenario has had, to be told of the second.
struct SettingsSeen {
  std::vector<std::pair<std::string, Span>> lines;
};
[[nodiscard]] bool is_setting(const Token& first);
/// Takes the line of a setting.
void apply_setting(const std::vector<Token>& tokens, Setup& setup, SettingsSeen& seen,
                   Diagnostics& diagnostics);

}  // namespace ringside::script
