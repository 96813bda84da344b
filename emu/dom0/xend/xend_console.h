// One domain's console, as xend keeps it: at most one viewer, who came over TCP, over telnet or over the unix
// socket. What it has in common with xenctld's is console.h.
//
// Nothing is lost while somebody reads: then a guest whose output finds no room has to wait. With nobody
// there the oldest bytes make room for the newest, and are counted.
#pragma once

#include <optional>
#include <string>

#include "emu/dom0/console/console.h"
#include "emu/dom0/console/telnet.h"
#include "emu/dom0/requests/acceptor.h"

namespace ringside::dom0 {

/// Output kept for a viewer.
inline constexpr std::size_t console_output_bytes_max = 65536;
/// The telnet port is the TCP port plus this, if there is such a port.
inline constexpr std::uint16_t console_telnet_offset = 10'000;

/// Of the viewers of one console.
struct XendViewers {
  bool unlimited = false;  ///< a quirk: input goes as it comes, however much is unanswered
  Telnet::Window window = [](std::uint16_t, std::uint16_t) {};  ///< the viewer's has a new size
};

class XendConsole : public Console {
 public:
  enum class Status : std::uint8_t { fresh, listening, connected, closed };

  XendConsole(Host& host, trace::Journal journal, DomainId domain, ConsoleStore store, ConsoleGuest guest,
              XendViewers viewers = {});

  /// Listens on 127.0.0.1:`tcp_port` (0 = any free; where an earlier xend did, if the store tells), on
  /// `directory`/console-<tcp port>, and on a telnet port. Called once.
  Result<> listen(std::uint16_t tcp_port, const std::string& directory);

  void settle() override;
  /// The viewer is let go, if there is one: another one wants the seat.
  void send_away();
  /// Stops listening. A viewer who is still being shown the end stays.
  void close() override;
  [[nodiscard]] Result<> ask(const Dom0Request& request) override;

  [[nodiscard]] Status status() const;
  [[nodiscard]] std::string_view status_name() const override;
  [[nodiscard]] std::uint16_t tcp_port() const override { return tcp_port_; }
  [[nodiscard]] std::uint16_t telnet_port() const override { return telnet_port_; }
  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] bool has_reader() const override { return viewer_.valid() && !deaf_; }
  [[nodiscard]] bool has_viewer() const override { return viewer_.valid(); }

 private:
  Result<Host::TcpListener> listen_on(std::uint16_t port, std::string_view what);
  /// What a viewer speaks: bytes as they are; those, until it asks for telnet; telnet.
  enum class Speaks : std::uint8_t { bytes, either, telnet };
  void welcome(Handle stream, Speaks speaks);
  void turn_away(Handle stream);
  void viewer_ready(Ready ready);
  void read_viewer();
  void send_at_once(Bytes bytes);
  void write_viewer();
  [[nodiscard]] Io::State write_commands();
  [[nodiscard]] Io write_output(Bytes bytes);
  [[nodiscard]] bool commands_wait() const { return telnet_ && !telnet_->commands().empty(); }
  void release_viewer(trace::Fact why);
  void viewer_stopped_reading();
  [[nodiscard]] bool must_wait(std::size_t bytes) const override;
  [[nodiscard]] bool takes_input() const;
  void update_interest();
  [[nodiscard]] trace::Actor viewer_actor() const { return trace::actor(trace::Role::client, viewers_); }

  XendViewers options_;
  Acceptor tcp_;
  Acceptor telnet_listener_;
  Acceptor local_;
  std::uint16_t tcp_port_ = 0;
  std::uint16_t telnet_port_ = 0;
  std::string path_;

  Handle viewer_;
  std::optional<Telnet> telnet_;   ///< if that is what the viewer speaks
  bool may_begin_telnet_ = false;  ///< it came over TCP, and has sent text only
  std::uint32_t viewers_ = 0;      ///< that ever came; the number of the one who is here
  Ready interest_;                 ///< what the viewer is watched for
  bool deaf_ = false;              ///< the viewer reads no more; what it has typed is still taken
  bool blocked_ = false;  ///< the viewer's socket is full; it is written to again once it can take more
};

}  // namespace ringside::dom0
