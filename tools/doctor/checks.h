// What `ringside doctor` looks for on this computer: features and limits of the kernel, the directory of
// the machine, and programs. Each check tries the thing itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "emu/host/machine.h"

namespace ringside::tools {

/// What a check is about, in the order of the report.
enum class CheckedFor : std::uint8_t {
  machines,  ///< ringside itself needs it
  consoles,
  pages,     ///< replay pages, captures, manuals
  rings,     ///< ring-check
  building,  ///< building ringside from its sources, and its tests
};

struct Check {
  CheckedFor part = CheckedFor::machines;
  bool needed = false;  ///< without it ringside itself does not work
  bool good = false;
  std::string name;
  std::string found;  ///< a path, a figure, or the error
  std::string why;    ///< what does not work without it
  std::string get;    ///< how to get it: a command or a setting
};

[[nodiscard]] std::string heading(CheckedFor part);
/// Tries everything, for a machine in this directory.
[[nodiscard]] std::vector<Check> check_everything(const Machine& machine);

}  // namespace ringside::tools
