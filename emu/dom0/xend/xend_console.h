// One domain's console, as xend keeps it: output that waits for somebody to read it, input that waits for the
// guest, and at most one viewer, who came over TCP, over telnet or over the unix socket.
//
// Who owns what: the console owns its listeners, its viewer and the store with its bytes; the channel to the
// guest belongs to xend, which hands over what comes up and takes what goes down (ConsoleWire).
//
// Nothing is lost while somebody reads: a guest's request is answered only when its bytes have found room in
// the buffer, and while they have not, the guest, whose slots are all waiting for answers, has to wait too.
// With nobody there the oldest bytes make room for the newest, and are counted. The bytes outlive this xend
// and the xcs it speaks to: what was cut off half-way is taken up where it stood (ConsoleStore).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "emu/dom0/console/console_store.h"
#include "emu/dom0/console/telnet.h"
#include "emu/dom0/requests/acceptor.h"
#include "emu/dom0/xcs/xcs_proto.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"
#include "ring/index.h"

namespace ringside::dom0 {

/// Output kept for a viewer.
inline constexpr std::size_t console_output_bytes_max = 65536;
/// The telnet port is the TCP port plus this, if there is such a port.
inline constexpr std::uint16_t console_telnet_offset = 10'000;
/// Requests of the guest that wait for their answer: what its ring holds.
inline constexpr std::size_t console_owed_max = 8;

/// What a console needs from the xend it belongs to. None of these may change the console.
struct ConsoleWire {
  std::function<bool()> has_room;  ///< may a frame be sent? If not, the owner calls wire_ready() when it may
  /// Numbers go with the messages, both ways (XCS_NUMBERS). Only then is a message known when it comes again.
  std::function<bool()> numbers;
  std::function<void(XcsType, const ring::ControlMessage&, std::uint32_t number)> send;
  std::function<void()> flush;  ///< what was sent may go
  std::function<void()> left;   ///< the viewer is gone
  bool unlimited = false;       ///< a quirk: input goes as it comes, however much is unanswered
  Telnet::Window window = [](std::uint16_t, std::uint16_t) {};  ///< the viewer's has a new size
};

class XendConsole {
 public:
  enum class Status : std::uint8_t { fresh, listening, connected, closed };

  XendConsole(Host& host, trace::Journal journal, DomainId domain, ConsoleStore store, ConsoleWire wire);
  XendConsole(const XendConsole&) = delete;
  XendConsole& operator=(const XendConsole&) = delete;

  /// Listens on 127.0.0.1:`tcp_port` (0 = any free; where an earlier xend did, if the store tells), on
  /// `directory`/console-<tcp port>, and on a telnet port. Called once.
  Result<> listen(std::uint16_t tcp_port, const std::string& directory);

  // -- what xend tells it; settle() ends each batch
  /// `number`: its index in the ring, where numbers go with messages.
  void guest_request(const ring::ControlMessage& request, std::uint32_t number);
  /// The guest has answered an input request: the one with that tag.
  void guest_response(std::uint32_t number);
  /// Shows the viewer what has come, and sends what was waiting for it.
  void settle();
  /// The wire takes frames (again).
  void wire_ready();
  /// The wire was cut: nothing sent before will be answered.
  void wire_lost();
  /// Takes no more input than it holds until told otherwise: what is typed waits.
  void hold_input(bool hold);
  /// Shows what the guest says and answers none of it until told otherwise.
  void withhold_answers(bool withhold);
  /// The guest will say nothing more: each viewer gets what there is, after it `last_words`, which are dom0's
  /// own, and is then let go. Who comes when all has been read gets the last words alone.
  void finish(std::string last_words = {});
  /// The viewer is let go, if there is one: another one wants the seat.
  void send_away();
  /// Stops listening. A viewer who is still being shown the end stays.
  void close();

  [[nodiscard]] Status status() const;
  [[nodiscard]] std::string_view status_name() const;
  [[nodiscard]] std::uint16_t tcp_port() const { return tcp_port_; }
  [[nodiscard]] std::uint16_t telnet_port() const { return telnet_port_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::size_t buffered_bytes() const { return store_.output_bytes(); }
  /// The domain is gone, and nobody is left to read what is buffered.
  void count_unread() { store_.output_end(journal_, domain_); }
  [[nodiscard]] std::uint64_t discarded_bytes() const { return store_.output_discarded(); }
  /// What the next xend is told.
  [[nodiscard]] ConsoleStore& store() { return store_; }
  [[nodiscard]] bool has_viewer() const { return viewer_.valid(); }

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
  [[nodiscard]] Io write_output();
  [[nodiscard]] bool commands_wait() const { return telnet_ && !telnet_->commands().empty(); }
  void release_viewer(std::string_view why);
  void viewer_stopped_reading();
  [[nodiscard]] bool is_read() const { return viewer_.valid() && !deaf_; }
  void answer_owed();
  void say_last_words();
  struct Owed {
    ring::ControlMessage message;
    std::uint32_t number;
    bool kept;  ///< its output is in the store
  };
  [[nodiscard]] bool keep_output(const Owed& request);
  void resend_input();
  void send_input();
  [[nodiscard]] bool takes_input() const;
  void update_interest();
  [[nodiscard]] trace::Actor viewer_actor() const { return trace::actor(trace::Role::client, viewers_); }

  Host& host_;
  trace::Journal journal_;
  DomainId domain_;
  ConsoleWire wire_;
  Acceptor tcp_;
  Acceptor telnet_listener_;
  Acceptor local_;
  std::uint16_t tcp_port_ = 0;
  std::uint16_t telnet_port_ = 0;
  std::string path_;

  ConsoleStore store_;
  std::vector<Owed> owed_;  ///< in the order of arrival, at most console_owed_max
  unsigned to_resend_ = 0;  ///< of the input in flight, the last ones: sent on a wire that was cut

  Handle viewer_;
  std::optional<Telnet> telnet_;   ///< if that is what the viewer speaks
  bool may_begin_telnet_ = false;  ///< it came over TCP, and has sent text only
  std::uint32_t viewers_ = 0;      ///< that ever came; the number of the one who is here
  Ready interest_;                 ///< what the viewer is watched for
  bool deaf_ = false;              ///< the viewer reads no more; what it has typed is still taken
  bool blocked_ = false;  ///< the viewer's socket is full; it is written to again once it can take more
  bool input_held_ = false;
  bool answers_withheld_ = false;
  bool finished_ = false;
  std::string last_words_;
  bool last_words_due_ = false;
};

}  // namespace ringside::dom0
