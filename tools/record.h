// Files of lines "name: value": a student's folder has .lab, its state, and result.txt, its result.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emu/base/check.h"

namespace ringside::tools {

inline constexpr std::uint64_t record_bytes_max = 64 * 1024;

class Record {
 public:
  /// Fails with `what` when there is no such file, or when a line has another form.
  [[nodiscard]] static Result<Record> read(const std::string& what, const std::string& path);

  /// Empty if there is no line of that name; of several, the first.
  [[nodiscard]] std::string get(std::string_view name) const;
  /// 0 if it is no number.
  [[nodiscard]] std::uint32_t number(std::string_view name) const;
  /// Replaces the line of that name, or adds one.
  void set(const std::string& name, const std::string& value);
  void set(const std::string& name, std::uint64_t value) { set(name, std::to_string(value)); }
  /// The names and values of the lines whose name begins with `prefix`, without it.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> with_prefix(std::string_view prefix) const;
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::pair<std::string, std::string>> lines_;
};

}  // namespace ringside::tools
