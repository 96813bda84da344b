// The server of `ringside play`: a page with an editor, and a place that runs its text. It reads and writes
// no files. Each run is a process of its own, which is limited in time and memory and ends with the browser's
// request. There is one at a time; other runs wait.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "emu/host/launch.h"
#include "tools/http_server.h"

namespace ringside::tools {

/// A scenario has at most 1 MiB; before it there are its seed and the name of its run.
inline constexpr std::size_t play_request_bytes_max = (1 << 20) + 4096;
inline constexpr std::size_t play_answer_bytes_max = std::size_t{256} << 20;
/// Of a player's address space; the page of the longest run of the library takes a fifth of it.
inline constexpr std::uint64_t player_memory_bytes_max = std::uint64_t{2} << 30;
/// What reading a scenario and making its page may take besides the run.
inline constexpr double player_rest_s = 20;

class PlayServer {
 public:
  /// `path`: of the scenario; empty: there is no file. `timeout_s`: of a run.
  PlayServer(LinuxHost& host, std::string page, std::string path, double timeout_s);
  ~PlayServer();
  PlayServer(const PlayServer&) = delete;
  PlayServer& operator=(const PlayServer&) = delete;

  /// Port 0: any that is free.
  [[nodiscard]] Result<> listen(std::uint16_t port) { return http_.listen(port); }
  [[nodiscard]] std::string address() const { return http_.address(); }

 private:
  using ClientId = HttpServer::ClientId;
  struct Waiting {
    ClientId client;
    std::string request;
  };
  struct Running {
    ClientId client;
    std::string request;
    std::size_t sent = 0;  ///< of the request
    std::string answer;
    Worker worker;
    Host::TimerId limit = 0;
  };

  void asked(ClientId id, HttpRequest request);
  void left(ClientId id);
  void run_next();
  [[nodiscard]] Result<> start(Waiting next);
  void exchange(Ready now);
  void read();
  void ended(int status);
  /// Ends the process if it still runs, and answers its request.
  void finish(const std::string& answer);
  void stop();

  LinuxHost& host_;
  std::string page_;
  std::string path_;
  double timeout_s_;
  HttpServer http_;
  std::deque<Waiting> waiting_;
  std::optional<Running> running_;
};

}  // namespace ringside::tools
