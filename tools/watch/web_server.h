// A small HTTP server for one live page: on this machine only, and only for clients that know its address.
//
// It serves three things behind a random word in the path: the page, a stream of events (server-sent events,
// each with its number, so that a browser that reconnects gets those it has missed; and what keeps typed
// bytes from the guest), and a place to send typed bytes. Anything else is not found. The Host header must be
// the server's own address, so that no other page in the same browser can reach it under another name. One
// thread, nothing blocks, everything is bounded: events are kept once for all browsers, and a browser that
// did not read continues where it stopped. When no more events can be kept, each page is told so after the
// last one, and may start again.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "emu/dom0/requests/acceptor.h"
#include "emu/host/host.h"

namespace ringside::tools {

inline constexpr std::size_t web_request_bytes_max = 8192;  ///< its head
inline constexpr std::size_t web_typed_bytes_max = 4096;    ///< in one request
inline constexpr std::size_t web_clients_max = 32;
/// The size of all events kept for later browsers. A browser needs several times as much memory for them.
inline constexpr std::size_t web_kept_bytes_max = std::size_t{64} << 20;
inline constexpr std::size_t web_event_overhead_bytes = 64;   ///< what an event costs besides its text
inline constexpr std::size_t web_waiting_bytes_max = 65'536;  ///< in transit to one browser

class WebServer {
 public:
  struct Callbacks {
    std::function<std::string()> page;
    /// Returns why the bytes were not taken; empty: they were.
    std::function<std::string(Bytes)> typed;
  };
  WebServer(Host& host, Callbacks callbacks);

  /// Port 0: any that is free.
  [[nodiscard]] Result<> listen(std::uint16_t port);
  /// "http://127.0.0.1:40123/<word>/"
  [[nodiscard]] std::string address() const;
  /// Sends one line to all browsers that watch, now and later. False: the line was not kept, because
  /// web_kept_bytes_max are kept already. No later line is kept before begin_anew().
  bool event(std::string text);
  /// Sends all browsers that watch, now and later, a line of another kind than events: only the last one is
  /// kept.
  void say(std::string text);
  /// No more events are kept.
  [[nodiscard]] bool full() const { return full_; }
  /// Forgets all events, and closes the connections of browsers that watch: they have received the old
  /// events.
  void begin_anew();

 private:
  struct Client {
    Handle stream;
    std::string in;
    std::string out;
    bool watches = false;  ///< gets events until it leaves
    std::uint64_t next_event = 0;
    bool told_full = false;
    std::uint64_t told_state = 0;  ///< the number of the last line of say()
    bool last = false;             ///< is closed when `out` is written
    Ready interest{.read = true};
  };
  using ClientId = std::uint64_t;

  void welcome(Handle stream);
  /// Closes the oldest connection that does not watch; false: all do.
  [[nodiscard]] bool close_oldest();
  void wake_watching();
  void start_events(Client& client, const std::string& last_event_id);
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
  std::uint64_t first_event_ = 0;  ///< the number of events_[0]; numbers go on after begin_anew()
  std::size_t kept_bytes_ = 0;
  bool full_ = false;
  std::string state_;
  std::uint64_t states_ = 0;
  std::map<ClientId, Client> clients_;
  ClientId last_client_ = 0;
};

}  // namespace ringside::tools
