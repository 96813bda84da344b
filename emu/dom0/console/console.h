// One domain's console, for either daemon: the guest's unanswered requests, output that waits for a reader,
// input that waits for the guest, and the end.
//
// xend and xenctld each derive a transport from it (sockets, a pty), which owns those who read and type. The
// daemon owns the console and the channel, and is reached through ConsoleGuest. The console owns the store
// with its bytes, which outlive the daemon: what was cut off half-way is taken up where it stood
// (ConsoleStore).
//
// A guest's request is answered once its bytes are in the store, and must_wait() is the transport's policy on
// that. While answers are withheld the guest, whose slots are all waiting for them, has to wait as well.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emu/dom0/console/console_store.h"
#include "emu/dom0/requests/dom0_request.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"

namespace ringside::dom0 {

/// Requests of the guest that wait for their answer: what its ring holds.
inline constexpr std::size_t console_owed_max = ring::slots_per_ring;

/// The guest, and the daemon between it and its console. None of these may change the console.
struct ConsoleGuest {
  enum class Sent : std::uint8_t {
    taken,
    answered,  ///< it had been taken before, and the guest has answered it
    full,      ///< not taken: offered again when the console is settled
  };
  /// There is a channel that takes something. If not, the owner calls channel_ready() when it may.
  std::function<bool()> has_room;
  /// Numbers go with the messages, both ways. Only then is a message known when it comes again.
  std::function<bool()> numbers;
  std::function<Sent(const ring::ControlMessage&, std::uint32_t tag)> send;
  std::function<void(const ring::ControlMessage&, std::uint32_t number)> respond;
  std::function<void()> flush;        ///< what was sent or answered may go
  std::function<void()> reader_left;  ///< the console has no reader any more
};

class Console {
 public:
  Console(Host& host, trace::Journal journal, DomainId domain, ConsoleStore store, ConsoleGuest guest);
  virtual ~Console() = default;
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  // -- what the daemon tells it; settle() ends each batch
  /// `number`: its index in the ring, where numbers go with messages.
  void guest_request(const ring::ControlMessage& request, std::uint32_t number);
  /// The guest has answered an input request: the one with that tag; 0 = the oldest.
  void guest_response(std::uint32_t tag);
  /// Moves whatever can be moved.
  virtual void settle() = 0;
  /// There is a channel, or it takes messages again.
  void channel_ready();
  /// The channel is gone: nothing sent before will be answered, and what was not answered comes again.
  void channel_lost();
  /// Takes no more input than it holds until told otherwise: what is typed waits.
  void hold_input(bool hold);
  /// Shows what the guest says and answers none of it until told otherwise.
  void withhold_answers(bool withhold);
  /// The guest will say nothing more. Each reader gets what there is, after it `crash_notice`, which is
  /// dom0's own, and is then let go.
  void finish(std::string crash_notice = {});
  /// The domain is gone: the console takes no new reader. The present one still gets all buffered output.
  virtual void close() = 0;
  /// Does what a program asks of its device or its viewer: attach, detach, take.
  [[nodiscard]] virtual Result<> ask(const Dom0Request& request) = 0;

  /// There is a reader to whom output can be delivered, now or soon.
  [[nodiscard]] virtual bool has_reader() const = 0;
  /// There is somebody, who may have stopped reading.
  [[nodiscard]] virtual bool has_viewer() const { return has_reader(); }
  [[nodiscard]] virtual std::string_view status_name() const = 0;
  /// Where a user finds it, and its ports, if it has any.
  [[nodiscard]] virtual const std::string& path() const = 0;
  [[nodiscard]] virtual std::uint16_t tcp_port() const { return 0; }
  [[nodiscard]] virtual std::uint16_t telnet_port() const { return 0; }

  [[nodiscard]] std::size_t buffered_bytes() const { return store_.output_bytes(); }
  [[nodiscard]] std::uint64_t discarded_bytes() const { return store_.output_discarded(); }
  /// The domain is gone, and no reader is left for what is buffered.
  void count_unread() { store_.output_end(journal_, domain_); }
  /// What the next daemon is told.
  [[nodiscard]] ConsoleStore& store() { return store_; }

 protected:
  /// Does output of so many bytes have to wait until there is more room? If not, and there is none, the
  /// oldest bytes are discarded.
  [[nodiscard]] virtual bool must_wait(std::size_t bytes) const = 0;
  /// The first time that output was discarded.
  virtual void discards_begin() {}

  /// Hands output to `reader` until there is none, it takes no more, or its turn ends. Answers how
  /// the last `write` went; `moved` if there was none.
  Io::State deliver(const std::function<Io(Bytes)>& write, trace::Actor reader);
  /// Who reads next has not seen the crash notice.
  void repeat_crash_notice();
  /// Puts back what a reader had been handed and has not read.
  void take_back(Bytes unread);
  void answer_owed();
  void send_input();
  [[nodiscard]] bool finished() const { return finished_; }

  Host& host_;
  trace::Journal journal_;
  DomainId domain_;
  ConsoleGuest guest_;
  ConsoleStore store_;

 private:
  struct Owed {
    ring::ControlMessage message;
    std::uint32_t number;
    bool kept;  ///< its output is in the store
  };
  [[nodiscard]] bool keep_output(const Owed& request);
  void forget_answered(std::uint32_t newest);
  void take_output(Bytes bytes, std::optional<ring::Index> index);
  void give_up_unnumbered_input();
  void say_crash_notice();

  std::vector<Owed> owed_;  ///< in the order of arrival, at most console_owed_max
  unsigned to_send_;        ///< of the input in flight, the last ones: the channel has yet to take them
  bool input_held_ = false;
  bool answers_withheld_ = false;
  bool finished_ = false;
  std::string crash_notice_;
  bool notice_due_ = false;
};

}  // namespace ringside::dom0
