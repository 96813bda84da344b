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
  std::string group;  ///< testsuite and classname: a file, a ring
  std::string name;
  double seconds = 0;
  JUnitOutcome outcome = JUnitOutcome::passed;
  std::string message = {};  ///< of what did not pass: one line
  std::string report = {};   ///< and the rest
  std::string file = {};     ///< where it is written down; may be empty
  std::uint32_t line = 0;    ///< of that file; 0: none
};

/// Writes the whole file anew: a testsuite for each group, in the order in which they appear.
[[nodiscard]] Result<> write_junit(const std::string& path, std::string_view name,
                                   const std::vector<JUnitCase>& cases, double seconds);

/// Leaves a report of a run that has not ended, until write_junit() puts another one in its place: a process
/// that dies leaves no report of an earlier run. Does nothing where `path` is no file (stdout, a device).
[[nodiscard]] Result<> begin_junit(const std::string& path, std::string_view name);

}  // namespace ringside::tools
