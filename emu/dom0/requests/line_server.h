// A socket for requests in lines of text: one request a line, one answer each, in order. It does not know the
// meaning of requests.
//
// A client has one request in progress at a time. Its further input waits, bounded, and so do answers that it
// does not read. A client that closes its sending side counts as gone.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "emu/dom0/requests/acceptor.h"
#include "emu/host/host.h"

namespace ringside::dom0 {

/// The longest request, with its newline. Two paths fit into it.
inline constexpr std::size_t request_line_bytes_max = 2048;
inline constexpr std::size_t line_clients_max = 64;

class LineServer {
 public:
  using ClientId = std::uint64_t;  ///< never 0, never used twice
  /// `request` gets each line without its newline, and must call answer(), now or later.
  LineServer(Host& host, std::function<void(ClientId, std::string_view)> request);
  ~LineServer();
  LineServer(const LineServer&) = delete;
  LineServer& operator=(const LineServer&) = delete;

  Result<> listen(const std::string& path);
  /// Answers the client's request with `text` and a newline; its next request starts after the caller has
  /// returned. A client that has left is ignored.
  void answer(ClientId client, std::string text);

 private:
  struct Client {
    Handle stream;
    std::string in;   ///< at most request_line_bytes_max
    std::string out;  ///< the one answer that is being written
    bool asked = false;
    bool unfit = false;  ///< broke the protocol: closed when its answer is written
    Ready interest;
  };

  void welcome(Handle stream);
  void client_ready(ClientId id, Ready ready);
  [[nodiscard]] bool read_client(Client& client);
  [[nodiscard]] bool write_client(Client& client);
  void serve_due();
  void serve(ClientId id);

  Host& host_;
  std::function<void(ClientId, std::string_view)> request_;
  Acceptor acceptor_;
  std::map<ClientId, Client> clients_;
  ClientId last_client_ = 0;
  std::deque<ClientId> due_;  ///< clients to be served, because something has changed for them
  bool serving_ = false;
  Host::TimerId serve_timer_ = 0;
};

}  // namespace ringside::dom0
