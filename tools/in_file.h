// Files that a person names to be read. What waits for ever or has no end is refused before it is opened.
#pragma once

#include <cstdint>
#include <string>

#include "emu/base/check.h"

namespace ringside::tools {

/// Whether a command reads a stream where a file is named.
enum class Streams : std::uint8_t {
  refused,
  handed,  ///< those that the caller has opened: /dev/stdin, /dev/fd/N, as a shell's <(...)
};

/// Fails when it is no regular file, or longer than `bytes_max`; `what`: "cannot read a journal". A stream
/// that is let through has no length: its reader bounds it.
[[nodiscard]] Result<> check_input(const std::string& what, const std::string& path, std::uint64_t bytes_max,
                                   Streams streams);

}  // namespace ringside::tools
