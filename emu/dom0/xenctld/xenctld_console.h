// One domain's console, as xenctld keeps it: a queue of output that goes to whatever the console is
// associated with (console_device.h), and a queue of what was typed there for the guest.
//
// Who owns what: the console owns the store with both queues, and the device; the guest's requests that it
// cannot answer yet stay in the channel. The channel belongs to xenctld, and is reached through ConsoleGuest.
//
// A request is answered as soon as its bytes are in the queue. Without a limit on the queue nothing is lost:
// when it is full the answers are withheld, and the guest waits. With a limit the guest never waits: the
// oldest bytes make room for the newest, and are counted. The queues outlive this xenctld (ConsoleStore); a
// pty does not, and with it goes what its reader had not read.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "emu/dom0/channel/channel.h"
#include "emu/dom0/console/console_store.h"
#include "emu/dom0/xenctld/console_device.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"
#include "ring/message.h"

namespace ringside::dom0 {

/// Output kept where no limit was asked for; and the highest limit.
inline constexpr std::size_t xenctld_queue_bytes_max = 1048576;
/// The lowest limit: what one message holds.
inline constexpr std::size_t xenctld_queue_bytes_min = ring::payload_bytes_max;
/// Beyond the highest limit the queue takes what comes back from the device, and a last ring full.
inline constexpr std::size_t xenctld_store_bytes_max =
    xenctld_queue_bytes_max + device_unread_bytes_max + ring::slots_per_ring * ring::payload_bytes_max;
/// After the end: how often it is looked whether a reader has everything. What was written arrives in less.
inline constexpr Duration xenctld_end_look_delay = std::chrono::milliseconds(50);

/// The guest, as far as its console is concerned. None of these may change the console.
struct ConsoleGuest {
  std::function<Channel::Send(const ring::ControlMessage&, std::uint32_t tag)> send;
  std::function<void(const Channel::Owed&)> respond;         ///< echoes a request that is unanswered
  std::function<std::optional<Channel::Owed>()> unanswered;  ///< the oldest of them; nothing if none
  std::function<void()> flush;                               ///< what was sent or answered may go
};

class XenctldConsole {
 public:
  /// What its store is made with. `limit_bytes` 0 = none, else xenctld_queue_bytes_min to _max: a daemon
  /// finds the store of the last one whatever the limits of both.
  [[nodiscard]] static ConsoleStore::Shape store_shape(std::size_t limit_bytes);

  XenctldConsole(Host& host, trace::Journal journal, DomainId domain, std::string link,
                 std::size_t limit_bytes, ConsoleStore store, ConsoleGuest guest);
  ~XenctldConsole();
  XenctldConsole(const XenctldConsole&) = delete;
  XenctldConsole& operator=(const XenctldConsole&) = delete;

  [[nodiscard]] Result<> start() { return device_.start(); }

  // -- what xenctld tells it; settle() ends each batch, and only settle() touches the device
  /// The guest asks; the request is among the unanswered.
  void guest_request(const Channel::Owed& request);
  /// The guest has answered an input request: the one with that tag, 0 = the oldest.
  void guest_response(std::uint32_t tag);
  /// There is a channel, for the first time or again: what is in flight is sent once more, and what it has
  /// unanswered is looked at.
  void channel_opened();
  /// Takes no more input than it holds until told otherwise: what is typed waits.
  void hold_input(bool hold);
  /// Shows what the guest says and answers none of it until told otherwise.
  void withhold_answers(bool withhold);
  /// Moves whatever can be moved.
  void settle();
  /// The guest will say nothing more. What it had said is taken, whatever the queue holds. Each reader gets
  /// what there is, after it `last_words`, which are dom0's own, and is then let go.
  void finish(std::string last_words = {});
  /// The domain is gone: nobody new finds the console. Who reads it is still given what there is.
  void close();
  /// After close(): nobody is there any more, or he has been let go.
  [[nodiscard]] bool over() const { return !device_.has_reader(); }

  Result<> attach(const std::string& path, const std::string& input_path);
  Result<> detach();

  [[nodiscard]] const ConsoleDevice& device() const { return device_; }
  [[nodiscard]] std::size_t queued_bytes() const { return store_.output_bytes(); }
  /// The domain is gone, and nobody is left to read what is queued.
  void count_unread() { store_.output_end(journal_, domain_); }
  [[nodiscard]] std::uint64_t discarded_bytes() const { return store_.output_discarded(); }
  /// What the next xenctld is told.
  [[nodiscard]] ConsoleStore& store() { return store_; }

 private:
  [[nodiscard]] bool keep_output(const Channel::Owed& request);
  void take_withheld();
  void take_back(Bytes unread);
  void count_discarded(std::size_t bytes);
  void write_device();
  void read_device();
  void send_input();
  void device_ready();
  void note_loan();
  void say_last_words();
  void look_at_end();

  Host& host_;
  trace::Journal journal_;
  DomainId domain_;
  std::size_t limit_bytes_;
  ConsoleGuest guest_;

  ConsoleStore store_;
  unsigned to_send_ = 0;  ///< of the input in flight, the last ones: the channel has yet to take them

  bool withheld_ = true;  ///< the guest may have requests that wait for room
  bool input_held_ = false;
  bool answers_withheld_ = false;
  bool store_was_full_ = false;  ///< while they are: what came since is still in the ring only
  bool finished_ = false;
  std::string last_words_;       ///< said to a reader who has seen all else
  bool last_words_due_ = false;  ///< said to nobody, or to one who has left with all of it
  bool settling_ = false;
  bool settle_again_ = false;
  bool closed_ = false;
  Host::TimerId end_timer_ = 0;
  int quiet_looks_ = 0;  ///< in a row, that found nothing unread
  ConsoleDevice device_;
};

}  // namespace ringside::dom0
