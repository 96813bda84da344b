// One domain's console, as xenctld keeps it: a queue of output that goes to whatever the console is
// associated with (console_device.h), and a queue of what was typed there for the guest.
//
// Who owns what: the console owns both queues, the count of input requests under way, and the device; the
// guest's requests that it cannot answer yet stay in the channel. The channel belongs to xenctld, and is
// reached through ConsoleGuest.
//
// A request is answered as soon as its bytes are in the queue. Without a limit on the queue nothing is lost:
// when it is full the answers are withheld, and the guest waits. With a limit the guest never waits: the
// oldest bytes make room for the newest, and are counted.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "emu/base/byte_queue.h"
#include "emu/dom0/console_device.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"
#include "ring/message.h"

namespace ringside::dom0 {

/// Output kept where no limit was asked for; and the highest limit.
inline constexpr std::size_t xenctld_queue_bytes_max = 1048576;
/// The lowest limit: what one message holds.
inline constexpr std::size_t xenctld_queue_bytes_min = ring::payload_bytes_max;
/// Input taken from the device while the guest is busy; beyond it whoever types waits.
inline constexpr std::size_t xenctld_input_bytes_max = 4096;
/// Input requests that the guest has not answered. One less than the ring holds, so that another kind of
/// request still finds a slot.
inline constexpr unsigned xenctld_input_window = 7;
/// After the end: how often it is looked whether a reader has everything. What was written arrives in less.
inline constexpr Duration xenctld_end_look_delay = std::chrono::milliseconds(50);

/// The guest, as far as its console is concerned. None of these may change the console.
struct ConsoleGuest {
  std::function<bool(const ring::ControlMessage&)> send;            ///< a request; false = not now
  std::function<void(const ring::ControlMessage&)> respond;         ///< to a request that is unanswered
  std::function<std::optional<ring::ControlMessage>()> unanswered;  ///< the oldest of them; nothing if none
  std::function<void()> flush;                                      ///< what was sent or answered may go
};

class XenctldConsole {
 public:
  /// `limit_bytes` 0 = none, else xenctld_queue_bytes_min to _max.
  XenctldConsole(Host& host, trace::Journal journal, DomainId domain, std::string link,
                 std::size_t limit_bytes, ConsoleGuest guest);
  ~XenctldConsole();
  XenctldConsole(const XenctldConsole&) = delete;
  XenctldConsole& operator=(const XenctldConsole&) = delete;

  [[nodiscard]] Result<> start() { return device_.start(); }

  // -- what xenctld tells it; settle() ends each batch, and only settle() touches the device
  /// The guest asks; the request is among the unanswered.
  void guest_request(const ring::ControlMessage& request);
  /// The guest has answered an input request.
  void guest_response();
  /// Moves whatever can be moved.
  void settle();
  /// The guest will say nothing more. What it had said is taken, whatever the queue holds. Each reader gets
  /// what there is and is then let go.
  void finish();
  /// The domain is gone: nobody new finds the console. Who reads it is still given what there is.
  void close();
  /// After close(): nobody is there any more, or he has been let go.
  [[nodiscard]] bool over() const { return !device_.has_reader(); }

  Result<> attach(const std::string& path, const std::string& input_path);
  Result<> detach();

  [[nodiscard]] const ConsoleDevice& device() const { return device_; }
  [[nodiscard]] std::size_t queued_bytes() const { return output_.size(); }
  [[nodiscard]] std::uint64_t discarded_bytes() const { return discarded_bytes_; }

 private:
  [[nodiscard]] bool keep_output(const ring::ControlMessage& request);
  void take_withheld();
  void take_back(Bytes unread);
  void discard_excess();
  void write_device();
  void read_device();
  void send_input();
  void device_ready();
  void look_at_end();

  Host& host_;
  trace::Journal journal_;
  DomainId domain_;
  std::size_t limit_bytes_;
  ConsoleGuest guest_;

  ByteQueue output_;
  std::uint64_t discarded_bytes_ = 0;
  ByteQueue input_{xenctld_input_bytes_max};
  unsigned unanswered_ = 0;  ///< input requests, at most xenctld_input_window

  bool withheld_ = true;  ///< the guest may have requests that wait for room
  bool finished_ = false;
  bool settling_ = false;
  bool settle_again_ = false;
  bool closed_ = false;
  Host::TimerId end_timer_ = 0;
  int quiet_looks_ = 0;  ///< in a row, that found nothing unread
  ConsoleDevice device_;
};

}  // namespace ringside::dom0
