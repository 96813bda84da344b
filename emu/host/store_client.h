// A client of xenstored over its socket, as far as a toolstack needs it. Requests and answers are one message
// each: a header of 16 bytes and at most 4096 bytes of data. It blocks, for at most some seconds.
#pragma once

#include <string>
#include <vector>

#include "emu/host/linux_descriptors.h"

namespace ringside {

class StoreClient {
 public:
  [[nodiscard]] static Result<StoreClient> connect(const std::string& socket);

  /// Names of the nodes in a node; none if there is no such node.
  [[nodiscard]] Result<std::vector<std::string>> directory(const std::string& path);
  /// Empty if there is no such node.
  [[nodiscard]] Result<std::string> read(const std::string& path);
  /// Makes the node, and those above it, if needed.
  [[nodiscard]] Result<> write(const std::string& path, const std::string& value);
  /// Removes the node and all in it, if there is one.
  [[nodiscard]] Result<> remove(const std::string& path);

 private:
  explicit StoreClient(Fd connection) : connection_(std::move(connection)) {}
  [[nodiscard]] Result<std::string> request(std::uint32_t type, const std::string& data);

  Fd connection_;
};

}  // namespace ringside
