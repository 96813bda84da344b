// Unix sockets by path, for the parts of the linux host that need them as descriptors.
#pragma once

#include <cstdint>
#include <string>

#include "emu/host/linux_descriptors.h"

namespace ringside {

/// The most callers that may wait to be accepted.
inline constexpr int listen_backlog = 128;

/// Listens on a socket file, mode 0600, non-blocking. `type` is SOCK_STREAM or SOCK_SEQPACKET. The socket
/// file of a dead listener is replaced; EADDRINUSE if another process serves it, EEXIST if it is not a
/// socket.
[[nodiscard]] Result<Fd> listen_on_path(const std::string& path, int type);
[[nodiscard]] Result<Fd> connect_to_path(const std::string& path, int type);

/// The file of a listening socket. Another process may have replaced it since.
class SocketFile {
 public:
  /// For a process that has just begun to listen there.
  explicit SocketFile(std::string path);
  /// Removes the file if it is still the same.
  void remove() const;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::uint64_t device_ = 0;
  std::uint64_t number_ = 0;
};

}  // namespace ringside
