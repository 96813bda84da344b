// Files that the user names as input. A fifo or a device is refused before it is opened: reading it could
// wait for ever or never end.
#pragma once

#include <cstdint>
#include <string>

#include "emu/base/check.h"

namespace ringside::tools {

/// Whether a command accepts a stream in place of a file.
enum class Streams : std::uint8_t {
  refused,
  handed,  ///< streams that the caller has opened: /dev/stdin, /dev/fd/N, as a shell's <(...)
};

/// Fails when `path` is not a regular file or is longer than `bytes_max`. `what` begins the error: "cannot
/// read a journal". An accepted stream has no known length: its reader limits it.
[[nodiscard]] Result<> check_input(const std::string& what, const std::string& path, std::uint64_t bytes_max,
                                   Streams streams);

}  // namespace ringside::tools
