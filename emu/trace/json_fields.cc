// Reads one line of JSON results.
#include "emu/trace/json_fields.h"

#include <nlohmann/json.hpp>

namespace ringside::trace {

std::optional<std::map<std::string, std::string>> json_fields(std::string_view line) {
  using nlohmann::json;
  const json object = json::parse(line, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  std::map<std::string, std::string> fields;
  for (const auto& [name, value] : object.items()) {
    if (value.is_structured()) return std::nullopt;
    fields[name] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  return fields;
}

}  // namespace ringside::trace
