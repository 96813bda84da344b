// Results in JUnit's XML, the format that CI systems read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "emu/base/check.h"

namespace ringside::tools {

enum class JUnitOutcome : std::uint8_t { passed, failed, could_not_run };

/// The texts may contain any bytes.
struct JUnitCase {
  std::string group;  ///< testsuite and classname: a file, a ring
  std::string name;
  double seconds = 0;
  JUnitOutcome outcome = JUnitOutcome::passed;
  std::string message = {};   ///< why it did not pass: one line
  std::string report = {};    ///< details of `message`, over any number of lines
  std::string file = {};      ///< the file that defines it; may be empty
  std::uint32_t line = 0;     ///< in `file`; 0: none
  std::string warnings = {};  ///< also of a case that passed; any number of lines
};

/// Replaces the whole file: one testsuite for each group, in order of first appearance.
[[nodiscard]] Result<> write_junit(const std::string& path, std::string_view name,
                                   const std::vector<JUnitCase>& cases, double seconds);

/// Writes a report that says that the run has not ended; write_junit() replaces it. If the process dies, no
/// report of an earlier run remains. Does nothing when `path` is not a file (stdout, a device).
[[nodiscard]] Result<> begin_junit(const std::string& path, std::string_view name);

}  // namespace ringside::tools
