// One line of JSON results as names and values.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace ringside::trace {

/// The fields of an object without inner objects and arrays: a string as it is, any other value as it is
/// written. Empty if `line` is not such an object.
[[nodiscard]] std::optional<std::map<std::string, std::string>> json_fields(std::string_view line);

}  // namespace ringside::trace
