// One domain's console, for either daemon: the guest's unanswered requests, output that waits for a reader,
// input that waits for the guest, and the end.
//
// xend and xenctld each derive a transport from it (sockets, a pty), which owns the readers. The daemon owns
// the console and the channel, and the console reaches it through ConsoleGuest. The console owns the store
// with its bytes, which outlive the daemon: the next daemon continues an interrupted step (ConsoleStore).
//
// A guest's request is answered as soon as its bytes are in the store; must_wait() is the transport's policy.
// While answers are withheld, all slots of the guest's ring are in use and the guest waits.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "emu/base/answer.h"
#include "emu/dom0/console/console_store.h"
#include "emu/dom0/requests/dom0_request.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"

namespace ringside::dom0 {

/// The guest, and the daemon between the guest and its console. None of these may change the console.
struct ConsoleGuest {
  enum class Sent : std::uint8_t {
    taken,
    answered,  ///< it had been taken before, and the guest has answered it
    full,      ///< not taken: offered again when the console is settled
  };
  /// There is a channel that takes messages. If not, the owner calls channel_ready() when there is one.
  std::function<bool()> has_room;
  /// Messages carry numbers, both ways. Only then is a repeated message recognised.
  std::function<bool()> numbers;
  std::function<Sent(const ring::ControlMessage&, std::uint32_t tag)> send;
  std::function<void(const ring::ControlMessage&, std::uint32_t number)> respond;
  std::function<void()> flush;        ///< sends the messages and answers that are queued
  std::function<void()> reader_left;  ///< the last reader has left
  /// Who answers first: it decides how many requests may be unanswered.
  std::function<Answer()> answer = [] { return Answer::xend; };
};

class Console {
 public:
  Console(Host& host, trace::Journal journal, DomainId domain, ConsoleStore store, ConsoleGuest guest);
  virtual ~Console() = default;
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  // -- called by the daemon; settle() ends each batch
  /// `number`: its index in the ring, if messages carry numbers.
  void guest_request(const ring::ControlMessage& request, std::uint32_t number);
  /// The guest has answered an input request: the one with that tag; 0 = the oldest.
  void guest_response(std::uint32_t tag);
  /// Moves all bytes that can be moved.
  virtual void settle() = 0;
  /// There is a channel, or it takes messages again.
  void channel_ready();
  /// The channel is gone: sent requests will not be answered, and unanswered ones will be offered again.
  void channel_lost();
  /// With `hold`, sends no input to the guest, and new input waits in the store; without it, sends it again.
  void hold_input(bool hold);
  /// With `withhold`, shows the guest's output without answering it; without it, answers again, withheld
  /// output first.
  void withhold_answers(bool withhold);
  /// The guest will send no more. Each reader gets the remaining output, then `crash_notice`, which comes
  /// from dom0, and is then disconnected.
  void finish(std::string crash_notice = {});
  /// The domain is gone: the console takes no new reader. The present reader still gets all buffered output.
  virtual void close() = 0;
  /// Carries out a program's request about its device or its viewer: attach, detach, take.
  [[nodiscard]] virtual Result<> ask(const Dom0Request& request) = 0;

  /// There is a reader to whom output can be delivered, now or soon.
  [[nodiscard]] virtual bool has_reader() const = 0;
  /// There is a reader, which may have stopped reading.
  [[nodiscard]] virtual bool has_viewer() const { return has_reader(); }
  [[nodiscard]] virtual std::string_view status_name() const = 0;
  /// The console's address for users, and its ports, if it has any.
  [[nodiscard]] virtual const std::string& path() const = 0;
  [[nodiscard]] virtual std::uint16_t tcp_port() const { return 0; }
  [[nodiscard]] virtual std::uint16_t telnet_port() const { return 0; }

  [[nodiscard]] std::size_t buffered_bytes() const { return store_.output_bytes(); }
  [[nodiscard]] std::uint64_t discarded_bytes() const { return store_.output_discarded(); }
  /// Counts the buffered output as unread: the domain is gone, and no reader is left.
  void count_unread() { store_.output_end(journal_, domain_); }
  /// The console's bytes, with which the next daemon continues.
  [[nodiscard]] ConsoleStore& store() { return store_; }

 protected:
  /// True if output of that size must wait until there is more room. If false and there is no room, the
  /// oldest bytes are discarded.
  [[nodiscard]] virtual bool must_wait(std::size_t bytes) const = 0;
  /// Called the first time that output is discarded.
  virtual void discards_begin() {}

  /// Writes output to `reader` until there is none, the reader takes no more, or its turn ends. Returns the
  /// result of the last `write`; `moved` if there was none.
  Io::State deliver(const std::function<Io(Bytes)>& write, trace::Actor reader);
  /// Shows the crash notice again to the next reader.
  void repeat_crash_notice();
  /// Puts back bytes that were written to a reader and not read.
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
  struct UnansweredRequest {
    ring::ControlMessage message;
    std::uint32_t number;
    bool kept;  ///< its output is in the store
  };
  [[nodiscard]] std::uint32_t requests_max() const { return requests_under_way_max(guest_.answer()); }
  [[nodiscard]] bool known(std::uint32_t number) const {
    return guest_.numbers() && store_.output_known(number, requests_max());
  }
  [[nodiscard]] bool keep_output(const UnansweredRequest& request);
  void forget_answered(std::uint32_t newest);
  void take_output(Bytes bytes, std::optional<ring::Index> index, bool beyond_limit = false);
  void discard_unnumbered_input();
  void say_crash_notice();

  std::vector<UnansweredRequest> unanswered_;  ///< in the order of arrival, at most requests_max()
  unsigned to_send_;  ///< of the input in flight, the last ones: the channel has yet to take them
  bool input_held_ = false;
  bool answers_withheld_ = false;
  bool finished_ = false;
  std::string crash_notice_;
  bool notice_due_ = false;
};

}  // namespace ringside::dom0
