// ctrl_if: the guest's end of the control channel. It is the front of the tx ring (the guest sends requests,
// the controller responds) and the back of the rx ring (the controller sends requests, the guest responds).
// It passes each message to its receiver in the guest.
//
// There is one per guest, owned by the domain. It runs on the host's one thread and never blocks: where a
// driver of 2005 slept until there was space, here it asks for a callback. It does not interpret messages,
// and it does not touch event channels: its owner calls serve(), and CtrlIf calls `notify` once for each
// batch that it has published.
//
// The controller is not trusted. An impossible index stops that ring until the index is possible again; a
// length above 60 is truncated; an unexpected response is dropped. All of these are counted, and the user who
// runs the guest is warned once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "emu/host/host.h"
#include "emu/trace/journal.h"
#include "ring/back.h"
#include "ring/front.h"

namespace ringside::domu {

/// Requests with a callback that may wait for their responses at a time. Their index is the request's `id`.
inline constexpr std::size_t response_callbacks_max = 8;
/// Drivers that may wait for space at a time.
inline constexpr std::size_t space_callbacks_max = 8;
/// Requests that may wait for a receiver in process context. All of them have no response yet, so the ring's
/// size is enough.
inline constexpr std::size_t deferred_max = ring::slots_per_ring;

/// A request of the controller that needs a response. Its owner passes it to CtrlIf::respond, once.
class Request {
 public:
  Request(Request&&) = default;
  Request& operator=(Request&&) = default;

  [[nodiscard]] const ring::ControlMessage& message() const { return message_; }

 private:
  friend class CtrlIf;
  Request(const ring::ControlMessage& message, std::uint32_t attachment)
      : message_(message), attachment_(attachment) {}

  ring::ControlMessage message_;
  std::uint32_t
      attachment_;  ///< the attachment through which it arrived; a response is valid only for that one
};

class CtrlIf {
 public:
  /// `notify` is called when the controller must be notified; never during the constructor.
  CtrlIf(Host& host, trace::Journal journal, DomainId domain, std::function<void()> notify,
         Quirks quirks = {});
  ~CtrlIf();
  CtrlIf(const CtrlIf&) = delete;
  CtrlIf& operator=(const CtrlIf&) = delete;

  // -- the page

  /// Starts, or continues after suspend(), at the indices in the page. Requests that were taken and have no
  /// response are skipped; if all requests of the last page had a response, the requests in this page are
  /// taken. EPROTO when the page claims more than 8 of them. `frame` must stay mapped until suspend() or
  /// destruction.
  Result<> attach(std::byte* frame, ring::Abi abi);
  /// Runs the receivers that wait for process context, publishes, and gives up the page. send() is refused
  /// until the next attach(); space callbacks wait for it.
  void suspend();
  [[nodiscard]] bool attached() const { return tx_.has_value(); }
  /// Adds to the guest's counts of lost bytes in the page.
  void count_lost(std::size_t input_bytes, std::size_t output_bytes);

  // -- sending requests

  enum class Sent : std::uint8_t {
    sent,
    full,         ///< 8 requests are waiting for their responses; see when_space
    no_callback,  ///< all response callbacks are taken
    detached,     ///< between suspend() and attach()
  };
  /// Sends a request whose response is dropped. It has id 0xFF, and is at most 60 bytes long.
  [[nodiscard]] Sent send(const ring::ControlMessage& message);
  /// `responded` is called once, with the response. It is never called if the controller responds with a
  /// wrong id or the page is given up first.
  using OnResponse = std::function<void(const ring::ControlMessage&)>;
  [[nodiscard]] Sent send(const ring::ControlMessage& message, OnResponse responded);

  enum class Space : std::uint8_t {
    will_call,  ///< queued: called once, as soon as a request would be taken
    now,        ///< not queued: there is space, send again
    too_many,   ///< not queued: space_callbacks_max are waiting
  };
  /// To be called after `full` or `detached`.
  [[nodiscard]] Space when_space(std::function<void()> call);

  // -- receiving requests

  /// When a receiver is called: at once, within serve(), or later from the loop.
  enum class Context : std::uint8_t { interrupt, process };
  using Receiver = std::function<void(Request)>;
  /// False when `type` has a receiver already. Types without a receiver get the default reply. A receiver
  /// must not unregister itself while it runs.
  [[nodiscard]] bool register_receiver(std::uint8_t type, Receiver receiver, Context context);
  void unregister_receiver(std::uint8_t type);

  /// Responds with the request's header and at most 60 bytes of `payload`. The response to a request of an
  /// earlier attachment is dropped.
  void respond(Request request, Bytes payload = {});

  /// With `hold`, leaves requests in the ring from now on, like a guest whose kernel hangs; without it, takes
  /// them again.
  void hold_requests(bool hold);

  // -- called by the owner

  /// Everything sent and answered while a Batch lives is published together, with one notification. send()
  /// and respond() make one for themselves if there is none.
  class Batch {
   public:
    explicit Batch(CtrlIf& ctrl_if) : ctrl_if_(ctrl_if) { ++ctrl_if_.batches_; }
    ~Batch() {
      if (--ctrl_if_.batches_ == 0) ctrl_if_.publish();
    }
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

   private:
    CtrlIf& ctrl_if_;
  };

  /// Whether serve() would find work. No side effects.
  [[nodiscard]] bool has_work() const;
  /// Reaps up to 8 responses, then takes up to 8 requests: one batch.
  void serve();

  /// Requests sent whose responses have not been reaped.
  [[nodiscard]] std::uint32_t outstanding() const { return tx_ ? tx_->outstanding() : 0; }
  /// Requests received on this page that have no response yet.
  [[nodiscard]] std::uint32_t owed() const { return owed_; }

  enum class Fault : std::uint8_t { response_index, request_index, unknown_id, long_length };
  static constexpr std::size_t faults = 4;
  /// How often the controller made this fault.
  [[nodiscard]] std::uint32_t fault_count(Fault fault) const {
    return faults_[static_cast<std::size_t>(fault)];
  }

 private:
  struct Entry {
    Receiver receiver;
    Context context = Context::interrupt;
  };

  void publish();
  Sent put(ring::ControlMessage message);
  void reap_responses();
  void dispatch_response(const ring::ControlMessage& response);
  void forget_unreachable_callbacks();
  void call_space_callbacks();
  void take_requests();
  void dispatch_request(Request request);
  void run_deferred();
  void found_fault(Fault fault);
  void crash(Quirk quirk, std::string_view why);
  void set_broken(bool& broken, bool now, Fault fault);

  Host& host_;
  trace::Journal journal_;
  DomainId domain_;
  std::function<void()> notify_;
  Quirks quirks_;
  ring::Abi abi_ = ring::Abi::sring;

  std::byte* frame_ = nullptr;  ///< while attached
  std::uint32_t lost_input_bytes_ = 0;
  std::uint32_t lost_output_bytes_ = 0;
  std::optional<ring::Front<>> tx_;
  std::optional<ring::Back<>> rx_;
  ring::Index tx_published_ = 0;  ///< req_prod as the controller sees it
  ring::Index rx_published_ = 0;  ///< rsp_prod as the controller sees it
  std::uint32_t attachment_ = 0;
  bool nothing_owed_ = true;  ///< when the last page was given up
  std::uint32_t owed_ = 0;
  int batches_ = 0;

  bool tx_broken_ = false;  ///< rsp_prod last had an impossible value
  bool requests_held_ = false;
  bool rx_broken_ = false;  ///< req_prod last had an impossible value
  std::array<std::uint32_t, faults> faults_{};

  std::array<OnResponse, response_callbacks_max> callbacks_;
  std::vector<std::function<void()>> space_callbacks_;
  std::array<Entry, 256> receivers_;  ///< by type
  std::vector<Request> deferred_;
  Host::TimerId deferred_timer_ = 0;
};

}  // namespace ringside::domu
