// A small HTTP server for pages of this program: on this machine only, and only for clients that know its
// address.
//
// Everything is behind a random word in the path, and anything that its owner does not name is not found. The
// Host header must be the server's own address, and so must the Origin header if there is one, so that no
// other page in the same browser can reach it, not even under another name. One thread, nothing blocks,
// everything is bounded. Each connection has one request and one answer, which its owner may give later, or
// a stream that the owner fills whenever the client has room for more.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "emu/dom0/requests/acceptor.h"
#include "emu/host/host.h"

namespace ringside::tools {

inline constexpr std::size_t http_head_bytes_max = 8192;
inline constexpr std::size_t http_clients_max = 128;

struct HttpRequest {
  std::string what;  ///< one of HttpServer::Spec::known
  std::string head;
  std::string body;

  /// The value of a header field, whose name is in lower case; empty if there is none.
  [[nodiscard]] std::string field(const std::string& name) const;
};

struct HttpAnswer {
  std::string_view status;  ///< "200 OK"
  std::string_view type = "text/plain; charset=utf-8";
  std::string_view body = {};
  std::string_view fields = {};  ///< more header fields, each with "\r\n" at its end
};

/// The number that these digits are; 0 if they are none.
[[nodiscard]] std::uint64_t http_number(const std::string& digits);

class HttpServer {
 public:
  using ClientId = std::uint64_t;
  struct Spec {
    /// Each a method and a path behind the random word: "GET " is the address itself, "POST run".
    std::vector<std::string> known;
    std::size_t body_bytes_max;
    /// A whole request. It is answered by answer() or stream(), now or later. It must not close this client.
    std::function<void(ClientId, HttpRequest)> asked;
    /// The client of a stream has room: appends to `out`, or leaves it. It must not close this client.
    std::function<void(ClientId, std::string& out)> more;
    /// The client has gone, before its answer or after, or it was closed to make room.
    std::function<void(ClientId)> left;
  };
  HttpServer(Host& host, Spec spec);

  /// Port 0: any that is free.
  [[nodiscard]] Result<> listen(std::uint16_t port);
  /// "http://127.0.0.1:40123/<word>/"
  [[nodiscard]] std::string address() const;

  // All of these ignore clients that have gone.
  void answer(ClientId id, const HttpAnswer& answer);
  /// Begins an answer without an end.
  void stream(ClientId id, std::string_view type);
  /// There is more for this stream.
  void wake(ClientId id);
  /// Calls left(), too.
  void close(ClientId id);

 private:
  enum class State : std::uint8_t {
    asking,     ///< its request is not complete
    waiting,    ///< for its answer
    answered,   ///< is closed when `out` is written
    streaming,  ///< until it leaves
  };
  struct Client {
    Handle stream;
    State state = State::asking;
    std::string in;
    std::string out;
    std::size_t sent = 0;  ///< of `out`
    Ready interest{.read = true};
  };

  void welcome(Handle stream);
  [[nodiscard]] bool close_oldest();
  void ready(ClientId id, Ready ready);
  [[nodiscard]] bool read(ClientId id, Client& client);
  [[nodiscard]] bool write(ClientId id, Client& client);
  void take_request(ClientId id, Client& client);
  void want(Client& client, bool write);

  Host& host_;
  Spec spec_;
  dom0::Acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::string word_;
  std::map<ClientId, Client> clients_;
  ClientId last_client_ = 0;
};

}  // namespace ringside::tools
