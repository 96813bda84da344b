// One domain's console under xend: at most one viewer, over TCP, telnet or the unix socket. Its common part
// with xenctld's console is console.h.
//
// While there is a viewer no byte is lost: a guest whose output finds no room waits. Without a viewer the
// oldest bytes are discarded and counted.
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

/// How a console treats its viewers.
struct XendViewers {
  bool unlimited = false;  ///< a quirk: input is sent at once, even with many unanswered requests
  Telnet::Window window = [](std::uint16_t, std::uint16_t) {
  };  ///< called when the viewer's window has a new size
};

class XendConsole : public Console {
 public:
  enum class Status : std::uint8_t { fresh, listening, connected, closed };

  XendConsole(Host& host, trace::Journal journal, DomainId domain, ConsoleStore store, ConsoleGuest guest,
              XendViewers viewers = {});

  /// Listens on 127.0.0.1:`tcp_port` (0 = any free one; the port of an earlier xend, if the store has it), on
  /// `directory`/console-<tcp port>, and on a telnet port. Called once.
  Result<> listen(std::uint16_t tcp_port, const std::string& directory);

  void settle() override;
  /// Disconnects the viewer, if there is one: another one wants to connect.
  void disconnect_viewer();
  /// Stops listening. A viewer that still receives the last output stays.
  void close() override;
  [[nodiscard]] Result<> ask(const Dom0Request& request) override;

  [[nodiscard]] Status status() const;
  [[nodiscard]] std::string_view status_name() const override;
  [[nodiscard]] std::uint16_t tcp_port() const override { return tcp_port_; }
  [[nodiscard]] std::uint16_t telnet_port() const override { return telnet_port_; }
  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] bool has_reader() const override { return viewer_.valid() && !output_closed_; }
  [[nodiscard]] bool has_viewer() const override { return viewer_.valid(); }

 private:
  /// On the port that the console had under an earlier xend (0: none), or any if another program has it now.
  Result<Host::TcpListener> listen_on(std::uint16_t before, std::uint16_t port, std::string_view what);
  /// A viewer's protocol: raw bytes; raw bytes until it asks for telnet; telnet.
  enum class Speaks : std::uint8_t { bytes, either, telnet };
  void welcome(Handle stream, Speaks speaks);
  void refuse_viewer(Handle stream);
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
  std::optional<Telnet> telnet_;   ///< if the viewer speaks telnet
  bool may_begin_telnet_ = false;  ///< it connected by TCP, and has sent only text so far
  std::uint32_t viewers_ = 0;      ///< that connected so far; the number of the present one
  Ready interest_;                 ///< the events for which the viewer is watched
  bool output_closed_ = false;     ///< the viewer reads no more; its input is still taken
  bool blocked_ = false;           ///< the viewer's socket is full; it is written to again once it takes more
};

}  // namespace ringside::dom0
