// xcs, the control switch: the process in dom0 that owns the control channels of all domains, and shares them
// with its clients over a unix socket. A guest's request goes to every client that is bound to it; a client's
// message goes into the guest's ring.
//
// xcs owns connections, sessions, channels and the event device. As in 2005 it does not answer guests: its
// clients do. With early answers (Answer::xcs) it answers console messages itself: see Channel and
// EarlyStore. No message is lost: a request without a bound client waits for the next binding, a guest
// without room makes the client that writes wait, and a client that does not read is disconnected before it
// delays others. xcs.cc has the connections, xcs_control.cc the calls, xcs_switch.cc the traffic.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "emu/base/answer.h"
#include "emu/base/check.h"
#include "emu/dom0/channel/channel.h"
#include "emu/dom0/channel/event_device.h"
#include "emu/dom0/xcs/xcs_frames.h"
#include "emu/dom0/xcs/xcs_proto.h"
#include "emu/dom0/xcs/xcs_sessions.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"

namespace ringside::dom0 {

/// Connections at a time; a further one is closed at once.
inline constexpr std::size_t xcs_connections_max = 256;
/// Connections taken before others get their turn.
inline constexpr std::size_t xcs_accepts_per_turn_max = 16;
/// Frames that wait for a session to read them. One more, and the session is cut off.
inline constexpr std::size_t xcs_session_frames_max = 16384;
/// Replies that wait for a client to read them. Until it does, its next calls wait.
inline constexpr std::size_t xcs_replies_max = 64;
inline constexpr Duration xcs_housekeeping_period = std::chrono::seconds(5);
/// A connection that is older than this at a check, and has sent nothing, is closed.
inline constexpr Duration xcs_connection_silent_max = std::chrono::seconds(5);

struct XcsOptions {
  std::string socket_path;
  std::uint64_t session_seed = 0;  ///< of session ids; random, except in a run that must be repeatable
  Quirks quirks = {};
  Answer answer = Answer::xend;
  std::string directory = {};  ///< with early answers: where the files early-<domid>.kept are
};

/// Counts of unusual outcomes. Each change is an entry of the journal, under the member's name.
struct XcsCounters {
  ChannelCounters channels;
  std::uint32_t requests_waiting = 0;     ///< from guests, taken while no client was bound to them; kept
  std::uint32_t responses_unclaimed = 0;  ///< from guests, discarded: no client was bound to them
  std::uint32_t waiting_virqs = 0;        ///< raised while no client was bound to them; kept
  std::uint32_t domains_ignored = 0;      ///< frames for a domain without a channel in xcs
  std::uint32_t frames_ignored = 0;       ///< of a type that a data connection does not carry; VIRQ for a
                                          ///< port of no virq
  std::uint32_t lengths_cut = 0;          ///< messages of clients that claimed more than 60 bytes
  std::uint32_t pushbacks = 0;            ///< times that a client's frame had to wait for a guest
  std::uint32_t frames_abandoned = 0;     ///< frames that waited for a client whose session ended
  std::uint32_t refused_calls = 0;        ///< replies with a result other than OK
  std::uint32_t connections_refused = 0;  ///< connections above the limit
  std::uint32_t connections_silent = 0;   ///< connections closed because they sent no first frame
  std::uint32_t sessions_expired = 0;     ///< freed after both sides had been gone
  std::uint32_t sessions_overrun = 0;     ///< cut off because they did not read
  std::uint32_t event_overflows = 0;
};

class Xcs {
 public:
  /// `privcmd` is dom0's. The host and the journal's sink outlive this.
  Xcs(Host& host, trace::Journal journal, Privcmd privcmd, XcsOptions options);
  ~Xcs();
  Xcs(const Xcs&) = delete;
  Xcs& operator=(const Xcs&) = delete;

  /// Opens the event device and the socket. EADDRINUSE: another xcs listens there. Called once.
  Result<> start();

  [[nodiscard]] const XcsCounters& counters() const { return counters_; }
  [[nodiscard]] std::size_t connections() const { return connections_.size(); }
  /// The number of the last connection that was accepted, 0 = none yet.
  [[nodiscard]] XcsConnectionNumber last_connection() const { return last_connection_; }
  [[nodiscard]] std::size_t sessions() const { return sessions_.count(); }
  /// Null when there is none.
  [[nodiscard]] const Channel* channel(DomainId domain) const;

 private:
  enum class Side : std::uint8_t { unknown, control, data };

  struct Connection {
    XcsConnectionNumber number = 0;
    Handle stream;
    Time since{0};
    Side side = Side::unknown;
    XcsInput input;
    XcsOutput replies;  ///< to calls; on a data connection they are written before the session's frames
    XcsSession* session = nullptr;  ///< none before its kind is known, and after a data connection has ended
    bool numbers = false;  ///< of the session that it has left: the frames that it had sent carry numbers
    Ready interest{.read = true, .write = false};
    bool blocked = false;        ///< took no more at the last write; the host will report when it does
    bool waits_for_xen = false;  ///< its next call waits for an answer to hypercalls
    bool parked = false;         ///< some of its input waits until a guest makes room
    bool ended = false;          ///< the client will send no more
    bool output_closed = false;  ///< the client will read no more; its earlier input is still processed
    bool gone = false;           ///< to be closed at the end of the turn
    bool forgotten = false;      ///< a quirk: neither read nor ever closed
  };

  /// The channel of one domain, and the number of CIF_NEW_CC that no CIF_FREE_CC has ended.
  struct Line {
    std::unique_ptr<Channel> channel;
    std::uint32_t references = 0;
    std::size_t taken = 0;   ///< requests in this turn
    bool touched = false;    ///< was written to, and is to be flushed at the end of the turn
    bool looked_at = false;  ///< its rings are to be looked at without an event
  };

  // Connections (xcs.cc).
  void watch_hypervisor();
  void accept_ready();
  void accept_one(Handle stream);
  void connection_ready(XcsConnectionNumber number, Ready ready);
  void read_in(Connection& connection);
  void write_out(Connection& connection);
  void show_input(Connection& connection);
  [[nodiscard]] XcsInput::Took take_frame(Connection& connection, const XcsMessage& frame);
  [[nodiscard]] static bool calls_wait(const Connection& connection);
  void hypervisor_answers();
  [[nodiscard]] static bool makes_hypercalls(std::uint32_t type);
  [[nodiscard]] static bool has_output(const Connection& connection);
  void update_interest(Connection& connection);
  [[nodiscard]] static bool has_numbers(const Connection& connection) {
    return connection.session != nullptr ? connection.session->numbers : connection.numbers;
  }
  void push(XcsSession& session, const XcsMessage& frame);
  void push_reply(Connection& connection, const XcsMessage& frame);
  void settle(bool may_hold = false);
  void write_all();
  void turned(DomainId domain);
  void hold_frames(DomainId domain);
  void end_overrun_sessions();
  void end_session(XcsSession& session);
  void close_gone();
  void leave_session(Connection& connection);
  // Quirks (xcs_quirks.cc).
  bool quirk(Quirk quirk, DomainId domain = 0, std::optional<std::uint32_t> number = {},
             std::size_t bytes = 0);
  void hold_other_clients(Connection& connection);
  void release_clients();
  void crash(Quirk quirk, int signal, std::string_view why);
  void say(const std::string& text);
  void schedule_housekeeping();
  void housekeep();
  void count(std::uint32_t& counter, trace::Counter name, DomainId domain = 0);
  void refuse(std::uint32_t& counter, trace::Counter name, DomainId domain, const Connection& from,
              trace::Refusal why, const trace::Values& values = {});

  // Calls (xcs_control.cc): each fills in the reply.
  void take_call(Connection& connection, const XcsMessage& frame);
  void call_connect_control(Connection& connection, XcsMessage& reply);
  void call_connect_data(Connection& connection, XcsMessage& reply);
  void call_bind(XcsSession& session, XcsMessage& reply);
  void call_unbind(XcsSession& session, XcsMessage& reply);
  void call_virq_bind(XcsSession& session, XcsMessage& reply);
  void call_new_channel(XcsMessage& reply);
  void call_free_channel(XcsMessage& reply);
  [[nodiscard]] Result<> open_line(DomainId domain, ring::Port local, ring::Port remote);
  void close_line(DomainId domain);
  void explain(DomainId domain, const Error& error, trace::Refusal why = trace::Refusal::failed);

  // Traffic (xcs_switch.cc).
  void read_events();
  void pass_virq(ring::Port port);
  [[nodiscard]] static XcsMessage request_frame(const Channel& channel,
                                                const Channel::UnansweredRequest& owed);
  [[nodiscard]] static XcsMessage response_frame(const Channel& channel, const ring::ControlMessage& message,
                                                 std::uint32_t tag);
  void pass_up(const XcsMessage& frame);
  void offer_unanswered(XcsSession& session);
  void offer_unanswered(XcsSession& session, std::int32_t port, std::uint16_t type);
  [[nodiscard]] XcsInput::Took take_data(Connection& connection, const XcsMessage& frame);
  [[nodiscard]] XcsInput::Took pass_down(Connection& connection, const XcsMessage& frame);
  void take_virq(Connection& connection, std::int32_t port);
  void touch(DomainId domain);
  [[nodiscard]] bool may_look(const Channel& channel);
  void look_at(DomainId domain);
  bool flush_touched();
  [[nodiscard]] bool has_taker(const Channel& channel, const Channel::UnansweredRequest& owed);
  [[nodiscard]] Line* line_of(DomainId domain);

  Host& host_;
  trace::Journal journal_;
  Privcmd privcmd_;
  XcsOptions options_;
  XcsCounters counters_;
  XcsSessions sessions_;
  Handle listener_;
  bool crashed_ = false;                 ///< a quirk: no byte is sent any more
  XcsConnectionNumber held_by_ = 0;      ///< a quirk: the connection that all others wait for
  XcsConnectionNumber descriptor2_ = 0;  ///< a quirk: the one that gets the error messages
  bool accepting_ = true;
  std::map<XcsConnectionNumber, std::unique_ptr<Connection>> connections_;
  XcsConnectionNumber last_connection_ = 0;
  std::vector<XcsConnectionNumber> to_write_;  ///< something was queued for them in this turn
  Host::TimerId hold_ = 0;                     ///< frames of to_write_ wait for more
  Host::TimerId housekeeping_ = 0;
  bool any_gone_ = false;
  bool any_overrun_ = false;

  std::unique_ptr<EventDevice> events_;
  std::set<ring::Port> virq_ports_;
  std::array<Line, domain_id_max + 1> lines_;
  std::vector<DomainId> touched_;
  std::vector<DomainId> full_;  ///< guests without room, during one pass over a connection's input
  bool room_made_ = false;
};

}  // namespace ringside::dom0
