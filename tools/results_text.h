// Pieces of results in TAP and JSON, for all commands that report results.
#pragma once

#include <cstdint>
#include <string>

namespace ringside::tools {

/// Escapes text so that TAP finds no directive or escape in it.
[[nodiscard]] std::string tap_text(const std::string& text);
/// "interrupted by SIGINT after 133 of 790"; without `of` if it is 0.
[[nodiscard]] std::string interruption_text(int signal, std::uint64_t ran, std::uint64_t of);
/// The line of a signal that ended the command after `ran` of `of` results.
[[nodiscard]] std::string json_interruption(int signal, std::uint64_t ran, std::uint64_t of);

}  // namespace ringside::tools
