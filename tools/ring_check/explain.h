// Prints the catalogue of ring bugs.
#pragma once

#include <string>

namespace ringside::tools {

/// `which`: a number of the catalogue, or "all" for a list. With `json`: all data of the catalogue, an object
/// a line. Returns an exit code.
int explain_ring_bug(const std::string& which, bool json);

}  // namespace ringside::tools
