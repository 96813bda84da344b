// The types, variables and source lines of a shared object, as its debug information (DWARF) has them.
//
// The file may be broken or hostile. It is read in a separate process with limits for time, memory and
// output; the text of that process is checked here. Debug information is read for reports only; a ring that
// holds never needs it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ringside::tools {

enum class DebugKind : std::uint8_t { scalar, pointer, structure, array };

struct DebugMember {
  std::string name;  ///< "": a base class, or a struct without a name
  std::uint32_t offset = 0;
  std::uint32_t type = 0;
};

struct DebugType {
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  DebugKind kind = DebugKind::scalar;
  std::uint32_t bytes = 0;                ///< 0: unknown; of an array: without a size of its own
  std::uint32_t inner = none;             ///< the type that a pointer points to, or of an array's elements
  std::string name;                       ///< without "struct"
  std::vector<DebugMember> members = {};  ///< also of a union: several with one offset
};

struct DebugVariable {
  std::string name;
  std::uint64_t address = 0;  ///< from where its object is loaded
  std::uint32_t type = 0;
};

struct DebugInfo {
  std::vector<DebugType> types;  ///< each number of a type is below its size, or none
  std::vector<DebugVariable> variables;
  std::string missing;  ///< why it is empty, with advice: one line
};

[[nodiscard]] DebugInfo read_debug_info(const std::string& path);

/// For each address, relative to the object: its source line as "path:line", then the lines of the calls that
/// were inlined there, innermost first. Empty if unknown.
[[nodiscard]] std::vector<std::vector<std::string>> read_source_lines(
    const std::string& path, const std::vector<std::uint64_t>& addresses);

}  // namespace ringside::tools
