// The catalogue of ring bugs, for people.
#pragma once

#include <string>

namespace ringside::tools {

/// `which`: a number of the catalogue, or "all" for a list. With `json`: everything that the catalogue has on
/// it, an object a line. Answers an exit code.
int explain_ring_bug(const std::string& which, bool json);

}  // namespace ringside::tools
