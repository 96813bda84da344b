// A client of xenstored over its socket, as far as a toolstack needs it. Requests and answers are one message
// each: a header of 16 bytes and at most 4096 bytes of data. It blocks, for at most some seconds.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "emu/host/hypercall.h"
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
  /// Runs `change` in a transaction: other clients see all of what it writes, or nothing. Runs it again if
  /// they have changed what it used.
  [[nodiscard]] Result<> transaction(const std::function<Result<>()>& change);
  /// Tells xenstored of a new domain, which grants it its frame as grant_xenstore. Again: it binds the port
  /// again.
  [[nodiscard]] Result<> introduce(DomainId domain, ring::Port port);

 private:
  explicit StoreClient(Fd connection) : connection_(std::move(connection)) {}
  [[nodiscard]] Result<std::string> request(std::uint32_t type, const std::string& data);

  Fd connection_;
  std::uint32_t transaction_ = 0;  ///< 0 = none
};

}  // namespace ringside
