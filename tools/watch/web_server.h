// The server of one live page.
//
// It serves the page, a stream of server-sent events, and a place to send typed bytes. Events are numbered,
// so that a browser that reconnects gets those it has missed. The stream also says what keeps typed bytes
// from the guest. Events are kept once for all browsers, and a browser that did not read continues where it
// stopped. When no more events can be kept, each page is told so after the last one, and may start again.
// tools/http_server.h says who may connect.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tools/http_server.h"

namespace ringside::tools {

inline constexpr std::size_t web_typed_bytes_max = 4096;  ///< in one request
/// The size of all events that a server keeps for later browsers, if it is the only one of its process. A
/// browser needs several times as much memory for them.
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
  WebServer(Host& host, Callbacks callbacks, std::size_t kept_bytes_max = web_kept_bytes_max);

  /// Port 0: any that is free.
  [[nodiscard]] Result<> listen(std::uint16_t port) { return http_.listen(port); }
  [[nodiscard]] std::string address() const { return http_.address(); }
  /// Sends one line to all browsers that watch, now and later. False: the line was not kept, because
  /// kept_bytes_max are kept already. No later line is kept before begin_anew().
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
  /// A browser that gets events until it leaves.
  struct Watcher {
    std::uint64_t next_event = 0;
    bool told_full = false;
    std::uint64_t told_state = 0;  ///< the number of the last line of say()
  };
  using ClientId = HttpServer::ClientId;

  void asked(ClientId id, const HttpRequest& request);
  void start_events(ClientId id, const std::string& last_event_id);
  void refill(ClientId id, std::string& out);
  void wake_watching();

  Callbacks callbacks_;
  HttpServer http_;
  std::vector<std::string> events_;
  std::uint64_t first_event_ = 0;  ///< the number of events_[0]; numbers go on after begin_anew()
  std::size_t kept_bytes_ = 0;
  std::size_t kept_bytes_max_;
  bool full_ = false;
  std::string state_;
  std::uint64_t states_ = 0;
  std::map<ClientId, Watcher> watchers_;
};

}  // namespace ringside::tools
