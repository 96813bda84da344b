// Suggestions for unknown words.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringside::script {

/// The word of `known` that is closest to `written` (emu/base/nearest.h); empty if none is close.
[[nodiscard]] std::string_view nearest(std::string_view written, std::span<const std::string_view> known);

/// "did you mean "types"?  user can: connects, disconnects, types". Without a similar word only the list. A
/// list that is too long for a line is left out.
[[nodiscard]] std::string suggestion(std::string_view written, std::span<const std::string_view> known,
                                     std::string_view list_of);

/// The same for names that are strings.
[[nodiscard]] std::string suggestion(std::string_view written, const std::vector<std::string>& known,
                                     std::string_view list_of);

/// "a, b or c"
[[nodiscard]] std::string alternatives(std::span<const std::string_view> words);

}  // namespace ringside::script
