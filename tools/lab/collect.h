// The results of a class, for a lecturer.
#pragma once

#include <string>

namespace ringside::tools {

struct CollectOptions {
  std::string folder;
  bool csv = false;
  bool regrade = false;  ///< checks each folder again, with other seeds
};

/// Prints a line for each result.txt below the folder. Returns the exit status.
[[nodiscard]] int collect_labs(const CollectOptions& options);

}  // namespace ringside::tools
