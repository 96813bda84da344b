// Unix sockets by path, for the parts of the linux host that need them as descriptors.
#pragma once

#include <string>

#include "emu/host/linux_descriptors.h"

namespace ringside {

/// Callers that may wait to be accepted.
inline constexpr int listen_backlog = 128;

/// Listens on a socket file, mode 0600, non-blocking. `type` is SOCK_STREAM or SOCK_SEQPACKET. A stale file
/// is replaced; EADDRINUSE if another process serves it.
[[nodiscard]] Result<Fd> listen_on_path(const std::string& path, int type);
[[nodiscard]] Result<Fd> connect_to_path(const std::string& path, int type);

}  // namespace ringside
