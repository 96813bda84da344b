// Results as CI systems read them: JUnit's XML.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "emu/base/check.h"

namespace ringside::tools {

enum class JUnitOutcome : std::uint8_t { passed, failed, could_not_run };

/// Any bytes may stand in the texts.
struct JUnitCase {
  std::string group;  ///< JUnit's classname: a file, a ring
  std::string name;
  double seconds = 0;
  JUnitOutcome outcome = JUnitOutcome::passed;
  std::string message;  ///< of what did not pass: one line
  std::string report;   ///< and the rest
};

/// Writes the whole file anew.
[[nodiscard]] Result<> write_junit(const std::string& path, std::string_view suite,
                                   const std::vector<JUnitCase>& cases, double seconds);

}  // namespace ringside::tools
