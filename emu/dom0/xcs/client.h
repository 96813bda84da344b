// The client side of the xcs protocol: a control connection, where every message is a call with a reply, and
// a data connection for frames without replies. A session ties both together.
//
// Used by xend and by the tools. Owns its two connections and nothing else; does not know consoles. A client
// that has lost xcs does not connect again: make another one.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "emu/base/byte_queue.h"
#include "emu/dom0/xcs/xcs_proto.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"

namespace ringside::dom0 {

/// Frames that may wait for xcs to read its data connection.
inline constexpr std::size_t client_frames_max = 4096;
/// Calls that may wait for their replies. If more wait, xcs counts as dead.
inline constexpr std::size_t client_calls_max = 4096;
/// Frames taken in one read.
inline constexpr std::size_t client_frames_per_read_max = 768;

// A message's contents, ready to be sent.
[[nodiscard]] XcsMessage connect_message(XcsType type, std::uint64_t session_id);
[[nodiscard]] XcsMessage bind_message(XcsType type, std::int32_t port, std::uint16_t control_type);
[[nodiscard]] XcsMessage virq_bind_message(std::uint16_t virq);
[[nodiscard]] XcsMessage virq_message(ring::Port port);
[[nodiscard]] XcsMessage interface_message(XcsType type, DomainId domain, ring::Port local,
                                           ring::Port remote);
[[nodiscard]] XcsMessage control_message(XcsType type, DomainId domain, ring::Port local,
                                         const ring::ControlMessage& message);

class XcsClient {
 public:
  /// None of these may destroy the client, except `lost`.
  struct Events {
    std::function<void(const XcsMessage&)> frame;  ///< a frame arrived on the data connection
    std::function<void()> pause;                   ///< all frames of one read have been handed over
    std::function<void()> room;                    ///< there is room again after there was none
    std::function<void(const Error&)> lost;  ///< xcs is gone or broke the protocol; called once, from a timer
  };
  using Reply = std::function<void(const XcsMessage&)>;

  XcsClient(Host& host, trace::Journal journal, Events events);
  ~XcsClient();
  XcsClient(const XcsClient&) = delete;
  XcsClient& operator=(const XcsClient&) = delete;

  /// Connects to the socket at `path`; calls `ready` when there is a session. Fails at once when no process
  /// listens there. Called once.
  Result<> connect(const std::string& path, std::function<void()> ready);

  [[nodiscard]] bool up() const { return state_ == State::up; }
  /// The session has numbers (XCS_NUMBERS): the journal gets them.
  void use_numbers(bool numbers) { numbers_ = numbers; }

  /// A control request. `done` gets the reply, with any result; replies come in the order of the calls. When
  /// xcs is lost, `done` is dropped without a call: only `lost` is called.
  void call(const XcsMessage& request, Reply done);

  /// True if send() takes a frame now. If not, Events::room follows. A client that is not up has no room, and
  /// no event follows.
  [[nodiscard]] bool has_room();
  /// Queues a frame for the data connection; it is sent at flush(). The client flushes frames that were sent
  /// from an event or a reply. Precondition: has_room().
  void send(const XcsMessage& frame);
  /// Writes the queued frames, as many at a time as the connection takes.
  void flush();

  /// Takes the frames that wait on the data connection now, without an event from the host. Not from `frame`
  /// or `pause`.
  void poll();

  /// Gives up: closes both connections and reports the loss.
  void lose(Error error);

 private:
  enum class State : std::uint8_t { fresh, session, data, up, lost };

  /// One connection, with its unread input and its unwritten output.
  struct Lane {
    Lane(std::size_t in_bytes_max, std::size_t out_bytes_max)
        : in_storage(std::make_unique_for_overwrite<std::uint8_t[]>(in_bytes_max)),
          in(in_storage.get(), in_bytes_max),
          out(out_bytes_max) {}
    Handle stream;
    std::unique_ptr<std::uint8_t[]> in_storage;  ///< large, and mostly unused
    std::span<std::uint8_t> in;
    std::size_t in_bytes = 0;  ///< at the start of `in`: the beginning of an incomplete frame
    ByteQueue out;
    bool blocked = false;  ///< watched for room to write
  };
  using Taken = void (XcsClient::*)(const XcsMessage&);

  void put(Lane& lane, const XcsMessage& message);
  void push_out(Lane& lane);
  /// One read. True when it returned bytes.
  bool pull_in(Lane& lane, Taken taken);
  void on_control_ready(Ready ready);
  void on_data_ready(Ready ready);
  bool data_turn();
  void take_reply(const XcsMessage& message);
  void take_frame(const XcsMessage& message);
  void open_data(const XcsMessage& session);

  Host& host_;
  trace::Journal journal_;
  Events events_;
  State state_ = State::fresh;
  std::string path_;
  std::function<void()> ready_;
  Lane control_;
  Lane data_;
  struct Call {
    std::uint32_t type;
    Reply done;
  };
  std::deque<Call> calls_;
  bool room_wanted_ = false;  ///< so the data connection is blocked: room comes with the next write
  bool in_turn_ = false;
  bool numbers_ = false;
  Host::TimerId lost_timer_ = 0;
};

}  // namespace ringside::dom0
