// One domain's control channel as the controller in dom0 sees it: the mapped frame, the consumer end of tx,
// the producer end of rx, the event channel between them, and the wait.
//
// A daemon of dom0 owns it and drives it from one thread. The channel moves messages and does not interpret
// them: its owner receives requests, and answers them, through Events. The guest is not trusted: a channel
// with impossible indices is not served until they are possible again, and other channels are not affected.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "emu/base/answer.h"
#include "emu/base/check.h"
#include "emu/base/quirks.h"
#include "emu/dom0/channel/early_store.h"
#include "emu/dom0/channel/event_device.h"
#include "emu/host/host.h"
#include "emu/trace/journal.h"
#include "ring/back.h"
#include "ring/channel_words.h"
#include "ring/event_bits.h"
#include "ring/front.h"

namespace ringside::dom0 {

/// Messages to the guest that may wait for room in its rx ring.
inline constexpr std::size_t channel_queue_messages_max = 64;

/// Counts of unusual outcomes, summed over all channels of a daemon.
struct ChannelCounters {
  std::uint32_t queued_messages = 0;    ///< to a guest whose ring was full; they are delivered later
  std::uint32_t refused_messages = 0;   ///< to a guest whose indices are faulty and whose queue is full
  std::uint32_t refused_responses = 0;  ///< responses that answer no request
  std::uint32_t index_faults = 0;       ///< times a channel was found with impossible indices
  std::uint32_t length_faults = 0;      ///< messages from a guest that claim more than 60 bytes
};

class Channel {
 public:
  /// A request of the guest, and its index in the tx ring. The index identifies the request if this
  /// controller, or the next, offers it again.
  struct UnansweredRequest {
    ring::ControlMessage message;
    ring::Index index = 0;
  };
  /// None of these may destroy the channel.
  struct Events {
    /// The guest sends a request. The owner must call respond() for it, at any time, in any order.
    std::function<void(const UnansweredRequest&)> request;
    /// The guest answered a request of send_request(); `tag` is that request's tag, 0 = it had none.
    std::function<void(const ring::ControlMessage&, std::uint32_t tag)> response;
    /// There is room again after send_request() returned full.
    std::function<void()> room;
    /// The host woke the channel, and the channel has passed all messages to its owner, which can forward
    /// them now. An event that arrived can be read from the event device.
    std::function<void()> turned;
    /// With early answers: a client has this request, or is about to get it, and recognises it if it gets it
    /// again.
    std::function<bool(const UnansweredRequest&)> has_taker = {};
  };
  /// any_port for both ports = those that the domain was started with, or new ones. Both given = those two.
  struct Place {
    DomainId domain = 0;
    ring::Port local_port = any_port;
    ring::Port remote_port = any_port;
    Quirks quirks = {};  ///< stale_indices, abi_mismatch
    /// With early answers: the directory of the domain's EarlyStore. Else empty.
    std::string early_directory = {};
  };

  /// Binds the event channel, maps the domain's frame, attaches to its rings at their present indices, and
  /// kicks the guest once, because a predecessor may have died between setting the guest's bits and kicking
  /// it. The owner calls look() once when it is ready. Unanswered requests are in unanswered(). ESRCH: no
  /// such domain. EBADMSG: the indices are impossible. EEXIST: `local_port` has another use here. All
  /// references outlive the channel.
  [[nodiscard]] static Result<std::unique_ptr<Channel>> open(Host& host, trace::Journal journal,
                                                             Privcmd& privcmd, EventDevice& events,
                                                             const Place& place, ChannelCounters& counters,
                                                             Events owner);
  /// Leaves the event channel bound, for the next controller.
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// Closes dom0's end of the event channel. Only the destructor may follow. Messages that were answered
  /// early are kept for the next channel of this domain, if it still exists.
  void close_port();

  [[nodiscard]] DomainId domain() const { return place_.domain; }
  [[nodiscard]] ring::Port local_port() const { return place_.local_port; }
  [[nodiscard]] ring::Port remote_port() const { return place_.remote_port; }

  enum class Send : std::uint8_t {
    taken,     ///< in the ring, or queued for it
    known,     ///< was taken before, by this controller or an earlier one; its response has not arrived
    answered,  ///< was taken before, and the guest has answered it: no further response may arrive
    full,      ///< not taken: the owner keeps it and waits for `room`
    broken,    ///< not taken, and the guest's indices are faulty: there may never be room
  };
  /// Sends a request to the guest, which sees it at the end of the turn, or at flush(). A tag other than 0
  /// identifies it: among the last 8 requests that carried one, the same tag means the same request.
  [[nodiscard]] Send send_request(const ring::ControlMessage& message, std::uint32_t tag = 0);

  enum class Respond : std::uint8_t { taken, not_owed };
  /// Answers one of the guest's requests: the one at `index`, if given. Without an index a response names no
  /// request: see answered_by(). The response to a request that was answered early is dropped.
  [[nodiscard]] Respond respond(const ring::ControlMessage& message,
                                std::optional<ring::Index> index = std::nullopt);

  /// The guest has room for a request at once.
  [[nodiscard]] bool has_room() const { return queue_.empty() && !faulty_ && !front_.full(); }
  /// Raises the event at the guest although nothing was published.
  void notify();
  /// Adds to the count, in the page, of input bytes that were lost on the way to the guest.
  void count_lost(std::size_t bytes);
  /// Forgets a request without answering it: its slot is never freed.
  void abandon(ring::Index index);
  /// From hold() to release() the channel does not look at the guest's events and rings.
  void hold();
  void release();

  /// Answers what can be answered early. Publishes the messages that were put and notifies the guest once for
  /// all of them. Does not look at the rings: the channel looks at them after each event.
  void flush();
  /// Takes all messages in both rings without an event, then flushes.
  void look();
  /// Whether look() would take a message.
  [[nodiscard]] bool has_unseen() const { return back_.has_request() || front_.has_response(); }

  /// Requests that respond() has not answered yet, oldest first; first those that were answered early.
  [[nodiscard]] std::span<const UnansweredRequest> unanswered() const {
    return {unanswered_.data(), unanswered_count_};
  }
  /// Those of them that wait in the ring; at most 8.
  [[nodiscard]] std::span<const UnansweredRequest> in_ring() const {
    return unanswered().subspan(early_count_);
  }
  [[nodiscard]] std::size_t queued() const { return queue_.size(); }
  [[nodiscard]] bool faulty() const { return faulty_; }
  /// Asks the hypervisor whether both ends are still bound to each other. They are not after the domain has
  /// ended.
  [[nodiscard]] bool still_bound();
  /// The guest may go on without its client: all requests are answered, and there is room for more.
  [[nodiscard]] bool has_answered_early() const {
    return early_ && early_count_ == unanswered_count_ && !early_->full();
  }
  /// An event waits for the next turn.
  [[nodiscard]] bool has_work() const;

 private:
  struct Parts {
    Host& host;
    Privcmd& privcmd;
    EventDevice& events;
    ChannelCounters& counters;
  };

  struct Layouts {
    ring::Abi rings;   ///< the layout that the controller assumes
    ring::Abi events;  ///< the layout that the page has
  };
  Channel(const Parts& parts, trace::Journal journal, const Place& place, const Layouts& layouts,
          Mapping frame, ring::Back<> back, ring::Front<> front, Events owner);
  void start();
  [[nodiscard]] Result<> keep_early(std::uint32_t frame);
  void take_over_requests();
  [[nodiscard]] std::string early_path() const;
  void take_over_tags(const ring::TaggedRequest* in_page);

  // The wait.
  void turn();
  [[nodiscard]] bool try_sleep();
  void mask();

  // The rings.
  [[nodiscard]] bool indices_make_sense() const;
  void take();
  void take_requests();
  void take_responses();
  void send_queued();
  struct Queued {
    ring::ControlMessage message;
    std::uint32_t tag;
  };
  void put_request(const Queued& request);
  [[nodiscard]] std::optional<Send> known(std::uint32_t tag) const;
  [[nodiscard]] std::uint32_t take_tag(const ring::ControlMessage& response);
  [[nodiscard]] std::uint32_t tag_age(const ring::TaggedRequest& sent) const;
  void put_response(const ring::ControlMessage& message);
  void publish();
  [[nodiscard]] ring::TakeRequest take_one(ring::ControlMessage& message);
  void remember(const UnansweredRequest& request);
  [[nodiscard]] std::optional<std::size_t> answered_by(const ring::ControlMessage& response,
                                                       std::optional<ring::Index> index) const;
  void forget(std::size_t at);
  void answer_early();

  // Faults.
  void index_fault();
  void length_fault(ring::Ring ring);
  void count(std::uint32_t& counter, trace::Counter name);

  Parts parts_;
  trace::Journal journal_;
  Place place_;
  Mapping frame_;
  ring::SharedRing tx_;
  ring::SharedRing rx_;
  ring::Back<> back_;
  ring::Front<> front_;
  ring::EventBits<> guest_bits_;
  ring::UpEvents<> up_;
  Events owner_;
  Host::WaitId wait_ = 0;

  ring::Index published_responses_;
  ring::Index published_requests_;
  std::array<UnansweredRequest, requests_under_way_max(Answer::xcs)> unanswered_{};
  std::size_t unanswered_count_ = 0;
  std::optional<EarlyStore> early_;
  std::size_t early_count_ = 0;  ///< of unanswered_, the first ones: answered early
  std::deque<Queued> queue_;
  /// The tagged requests. They are read from the page once, on attaching, because the guest can write the
  /// page.
  std::array<ring::TaggedRequest, ring::slots_per_ring> tagged_{};
  ring::Index tags_taken_ = 0;   ///< tagged requests below this index have a response
  bool told_full_ = false;       ///< the owner has been told `full` and waits for `room`
  bool trusts_indices_ = false;  ///< a quirk: the guest's indices are not checked
  bool faulty_ = false;
  bool warned_index_ = false;
  bool warned_length_ = false;
};

}  // namespace ringside::dom0
