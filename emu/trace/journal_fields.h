// The fields of a JSON object in a journal file, with a complaint about the first one that is wrong. Nothing
// in the object is trusted.
//
// Only the reader of journal files includes it.
#pragma once

#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ring/layout.h"

namespace ringside::trace {

/// The fields of one object. After the first error its values have no meaning, and reading further fields is
/// harmless. The caller asks for the error at the end.
class JournalFields {
 public:
  JournalFields(const nlohmann::json& object, std::string& complaint)
      : object_(object), complaint_(complaint) {}

  [[nodiscard]] bool has(const char* key) const { return object_.contains(key); }

  std::uint64_t number(const char* key, std::uint64_t max) {
    const nlohmann::json* its = find(key);
    if (its == nullptr) return 0;
    if (!its->is_number_unsigned() || its->get<std::uint64_t>() > max) {
      wrong(key, fmt::format("a whole number from 0 to {}", max));
      return 0;
    }
    return its->get<std::uint64_t>();
  }
  std::uint32_t word(const char* key, std::uint32_t max = std::numeric_limits<std::uint32_t>::max()) {
    return static_cast<std::uint32_t>(number(key, max));
  }
  std::uint8_t byte(const char* key) { return static_cast<std::uint8_t>(number(key, 0xff)); }

  std::int64_t time(const char* key) {
    const nlohmann::json* its = find(key);
    if (its == nullptr) return 0;
    const bool small = its->is_number_unsigned() &&
                       its->get<std::uint64_t>() <= std::uint64_t{std::numeric_limits<std::int64_t>::max()};
    if (!small && !(its->is_number_integer() && !its->is_number_unsigned())) {
      wrong(key, "a whole number of nanoseconds");
      return 0;
    }
    return its->get<std::int64_t>();
  }

  std::string text(const char* key) {
    const nlohmann::json* its = find(key);
    if (its == nullptr) return "";
    if (!its->is_string()) {
      wrong(key, "a text");
      return "";
    }
    return its->get<std::string>();
  }

  /// A text that is known to one of the *_named functions.
  template <class Named>
  auto named(const char* key, Named find_name, const char* what) {
    const std::string name = text(key);
    const auto value = find_name(name);
    if (!value) wrong(key, what);
    return value.value_or(typename std::decay_t<decltype(value)>::value_type{});
  }

  /// Hexadecimal, at most `max` bytes.
  std::vector<std::uint8_t> bytes(const char* key, std::size_t max) {
    const std::string digits = text(key);
    std::vector<std::uint8_t> out;
    for (std::size_t at = 0; at + 1 < digits.size() && out.size() <= max; at += 2) {
      const int high = digit(digits[at]);
      const int low = digit(digits[at + 1]);
      if (high < 0 || low < 0) break;
      out.push_back(static_cast<std::uint8_t>(high * 16 + low));
    }
    if (out.size() > max || out.size() * 2 != digits.size()) {
      wrong(key, fmt::format("at most {} bytes, in two lower-case hexadecimal digits each", max));
      out.clear();
    }
    return out;
  }

  /// Reverses `escaped` for at most 60 bytes.
  std::vector<std::uint8_t> unescaped(const char* key);

  /// The items of an array.
  const nlohmann::json& list(const char* key) {
    static const nlohmann::json nothing = nlohmann::json::array();
    const nlohmann::json* its = find(key);
    if (its == nullptr) return nothing;
    if (its->is_array()) return *its;
    wrong(key, "a list");
    return nothing;
  }
  const nlohmann::json& object(const char* key) {
    static const nlohmann::json nothing = nlohmann::json::object();
    const nlohmann::json* its = find(key);
    if (its == nullptr) return nothing;
    if (its->is_object()) return *its;
    wrong(key, "an object");
    return nothing;
  }

  void wrong(std::string_view key, std::string_view should) {
    complain(fmt::format("\"{}\" is not {}", key, should));
  }
  void complain(std::string what) {
    if (complaint_.empty()) complaint_ = std::move(what);
  }

 private:
  const nlohmann::json* find(const char* key) {
    const auto at = object_.find(key);
    if (at != object_.end()) return &*at;
    complain(fmt::format("\"{}\" is missing", key));
    return nullptr;
  }
  static int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  }

  const nlohmann::json& object_;
  std::string& complaint_;
};

/// The byte of the escape whose backslash is at `at`, and how many characters it takes; empty if it is no
/// escape.
inline std::optional<std::pair<std::uint8_t, std::size_t>> escape_at(std::string_view text, std::size_t at) {
  if (at + 1 >= text.size()) return std::nullopt;
  switch (text[at + 1]) {
    case 'n':
      return {{'\n', 2}};
    case 'r':
      return {{'\r', 2}};
    case 't':
      return {{'\t', 2}};
    case '"':
    case '\\':
      return {{static_cast<std::uint8_t>(text[at + 1]), 2}};
    case 'x':
      break;
    default:
      return std::nullopt;
  }
  constexpr std::string_view digits = "0123456789abcdef";
  if (at + 3 >= text.size()) return std::nullopt;
  const std::size_t high = digits.find(text[at + 2]);
  const std::size_t low = digits.find(text[at + 3]);
  if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
  return {{static_cast<std::uint8_t>(high * 16 + low), 4}};
}

inline std::vector<std::uint8_t> JournalFields::unescaped(const char* key) {
  const std::string words = text(key);
  std::vector<std::uint8_t> out;
  for (std::size_t at = 0; at < words.size();) {
    const auto byte = static_cast<unsigned char>(words[at]);
    if (byte != '\\' && byte >= 0x20 && byte < 0x7f) {
      out.push_back(byte);
      ++at;
      continue;
    }
    const auto escape = escape_at(words, at);
    if (!escape) {
      wrong(key, "escaped as the text form has it");
      return {};
    }
    out.push_back(escape->first);
    at += escape->second;
  }
  if (out.size() > ring::payload_bytes_max) {
    wrong(key, fmt::format("at most {} bytes long", ring::payload_bytes_max));
    out.clear();
  }
  return out;
}

}  // namespace ringside::trace
