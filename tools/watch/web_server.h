// A small HTTP server for one page that watches: on this machine only, and only for who knows its address.
//
// It serves three things behind a random word in the path: the page, a stream of events (server-sent events,
// each with its number, so that a browser that comes back gets what it has missed), and a place to send typed
// bytes. Anything else is not found. It asks the Host header to be its own address, so that no other page in
// the same browser can reach it under a name of its own. One thread, nothing blocks, everything is bounded: a
// browser that does not read holds nobody up, and is served from where it stopped.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "emu/dom0/acceptor.h"
#include "emu/host/host.h"

namespace ringside::tools {

inline constexpr std::size_t web_request_bytes_max = 8192;  ///< its head
inline constexpr std::size_t web_typed_bytes_max = 4096;    ///< in one request
inline constexpr std::size_t web_clients_max = 32;
inline constexpr std::size_t web_events_max = std::size_t{1} << 18;  ///< kept for who comes later
inline constexpr std::size_t web_waiting_bytes_max = 65'536;         ///< on their way to one browser

class WebServer {
 public:
  struct Callbacks {
    std::function<std::string()> page;
    std::function<bool(Bytes)> typed;  ///< false: nobody takes it
  };
  WebServer(Host& host, Callbacks callbacks);

  /// Port 0: any that is free.
  [[nodiscard]] Result<> listen(std::uint16_t port);
  /// "http://127.0.0.1:40123/<word>/"
  [[nodiscard]] std::string address() const;
  /// To all who watch, now and later; one line. False: web_events_max are kept already, and it was not.
  bool event(std::string text);

 private:
  struct Client {
    Handle stream;
    std::string in;
    std::string out;
    bool watches = false;  ///< gets events until it leaves
    std::size_t next_event = 0;
    bool last = false;  ///< is closed when `out` is written
    Ready interest{.read = true};
  };
  using ClientId = std::uint64_t;

  void welcome(Handle stream);
  void ready(ClientId id, Ready ready);
  [[nodiscard]] bool read(Client& client);
  [[nodiscard]] bool write(Client& client);
  void take_request(Client& client);
  void answer(Client& client, std::string_view status, std::string_view type, std::string_view body);
  void refill(Client& client);

  Host& host_;
  Callbacks callbacks_;
  dom0::Acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::string word_;
  std::vector<std::string> events_;
  std::map<ClientId, Client> clients_;
  ClientId last_client_ = 0;
};

}  // namespace ringside::tools
