// Reads debug information (DWARF) with libdw, in the process that calls it. A broken or hostile file may end
// that process, so only debug_info.cc calls this, in a process of its own. The library is loaded here,
// because loading it with the program would make each start of the program a third longer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ringside::tools {

/// The types and variables of the object. Lines of text: "type KIND BYTES INNER NAME", "member OFFSET TYPE
/// NAME" of the type before it, "variable ADDRESS TYPE NAME", and last "missing WHY".
[[nodiscard]] std::string dwarf_types(const std::string& path);

/// The source lines of addresses. Lines of text: "NUMBER PATH:LINE", the number being the place in
/// `addresses`.
[[nodiscard]] std::string dwarf_lines(const std::string& path, const std::vector<std::uint64_t>& addresses);

}  // namespace ringside::tools
