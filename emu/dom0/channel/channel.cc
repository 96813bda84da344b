// A control channel's rings, wait and faults. channel_open.cc opens it.
#include "emu/dom0/channel/channel.h"

#include <algorithm>
#include <utility>

namespace ringside::dom0 {

using Memory = ring::NativeMemory;
using trace::IndexName;
using trace::SlotUse;

namespace {

/// A tagged request that claims to be older was never put.
constexpr std::uint32_t tag_age_max = std::uint32_t{1} << 31;

}  // namespace

// -- the wait

void Channel::turn() {
  const bool event = up_.is_pending();
  if (event) {
    up_.clear_pending();
    // The guest cannot set dom0's bits, so the channel sets them on its behalf.
    parts_.events.raise(local_port());
  }
  event ? look() : flush();
  if (event) parts_.events.write(static_cast<std::uint16_t>(local_port()));
  owner_.turned();
}

/// Only an event makes the channel look at the rings, as in 2005. If an event is lost, its messages stay in
/// the rings.
bool Channel::has_work() const {
  return up_.is_pending();
}

bool Channel::try_sleep() {
  const bool pending = up_.unmask();
  journal_.mask_changed(domain(), local_port(), trace::MaskBit::clear);
  if (!pending) return true;
  mask();
  return false;
}

void Channel::mask() {
  if (up_.is_masked()) return;
  up_.set_mask();
  journal_.mask_changed(domain(), local_port(), trace::MaskBit::set);
}

// -- the rings

/// Checks the shared indices of both rings against what was published: the same bounds that Back and Front
/// enforce.
bool Channel::indices_make_sense() const {
  if (trusts_indices_) return true;
  const std::uint32_t requests = ring::distance(Memory::load(tx_.req_prod), published_responses_);
  const std::uint32_t requests_known = ring::distance(back_.req_cons(), published_responses_);
  const std::uint32_t responses = ring::distance(Memory::load(rx_.rsp_prod), front_.rsp_cons());
  const std::uint32_t responses_due = ring::distance(published_requests_, front_.rsp_cons());
  return requests <= ring::slots_per_ring && requests >= requests_known && responses <= responses_due;
}

void Channel::flush() {
  answer_early();
  send_queued();
  publish();
}

void Channel::look() {
  take();
  flush();
}

void Channel::take() {
  if (!indices_make_sense()) return index_fault();
  if (faulty_) {
    faulty_ = false;
    journal_.told(domain(), trace::Fact::indices_good);
  }
  take_requests();
  take_responses();
}

void Channel::take_requests() {
  const ring::Index before = back_.req_cons();
  // One turn takes at most a full ring, even if the guest adds requests meanwhile.
  for (std::uint32_t taken = 0; taken < ring::slots_per_ring; ++taken) {
    ring::ControlMessage message;
    const ring::Index index = back_.req_cons();
    const ring::TakeRequest outcome = take_one(message);
    if (outcome == ring::TakeRequest::empty) break;
    if (outcome == ring::TakeRequest::bad_index) {
      index_fault();
      break;
    }
    if (outcome == ring::TakeRequest::long_length) {
      // Answered like an unknown type, so that the slot becomes free.
      length_fault(ring::Ring::tx);
      put_response(ring::default_reply(message));
    } else {
      remember({message, index});
      owner_.request({message, index});
    }
  }
  journal_.index_moved(domain(), ring::Ring::tx, IndexName::req_cons, before, back_.req_cons());
}

ring::TakeRequest Channel::take_one(ring::ControlMessage& message) {
  if (!trusts_indices_) return back_.take_request(message);
  const Quirk quirk = place_.quirks.has(Quirk::abi_mismatch) ? Quirk::abi_mismatch : Quirk::stale_indices;
  const std::uint32_t claimed = ring::distance(Memory::load(tx_.req_prod), published_responses_);
  if (claimed > ring::slots_per_ring) journal_.quirk(domain(), quirk);
  if (!back_.take_request_unchecked(message)) return ring::TakeRequest::empty;
  message.length = std::min<std::uint8_t>(message.length, ring::payload_bytes_max);
  return ring::TakeRequest::taken;
}

void Channel::take_responses() {
  const ring::Index before = front_.rsp_cons();
  for (std::uint32_t taken = 0; taken < ring::slots_per_ring; ++taken) {
    ring::ControlMessage message;
    const ring::TakeResponse outcome = front_.take_response(message);
    if (outcome == ring::TakeResponse::empty) break;
    if (outcome == ring::TakeResponse::bad_index) {
      index_fault();
      break;
    }
    // Truncated and passed on: the owner counts responses.
    if (outcome == ring::TakeResponse::long_length) length_fault(ring::Ring::rx);
    owner_.response(message, take_tag(message));
  }
  journal_.index_moved(domain(), ring::Ring::rx, IndexName::rsp_cons, before, front_.rsp_cons());
}

Channel::Send Channel::send_request(const ring::ControlMessage& message, std::uint32_t tag) {
  if (const auto before = known(tag)) return *before;
  if (queue_.empty() && !faulty_ && !front_.full()) {
    put_request({message, tag});
    return Send::taken;
  }
  if (queue_.size() < channel_queue_messages_max) {
    queue_.push_back({message, tag});
    count(parts_.counters.queued_messages, trace::Counter::queued_messages);
    return Send::taken;
  }
  if (faulty_) {
    count(parts_.counters.refused_messages, trace::Counter::refused_messages);
    return Send::broken;
  }
  told_full_ = true;
  return Send::full;
}

/// The tag of the request that `response` answers; 0 = none. A guest answers console input in order, and
/// other requests at any time. So the request is the oldest tagged one that has no response yet.
std::uint32_t Channel::take_tag(const ring::ControlMessage& response) {
  if (response.type != ring::CMSG_CONSOLE) return 0;
  const ring::TaggedRequest* oldest = nullptr;
  for (const ring::TaggedRequest& sent : tagged_) {
    const std::uint32_t age = tag_age(sent);
    if (age == 0 || age > ring::distance(front_.req_prod_pvt(), tags_taken_)) continue;
    if (oldest == nullptr || age > tag_age(*oldest)) oldest = &sent;
  }
  if (oldest == nullptr) return 0;
  tags_taken_ = oldest->index + 1;
  return oldest->tag;
}

/// How many requests ago the tagged one was put: 1 = the last one, 0 = never.
std::uint32_t Channel::tag_age(const ring::TaggedRequest& sent) const {
  const std::uint32_t age = ring::distance(front_.req_prod_pvt(), sent.index);
  return sent.tag == 0 || age > tag_age_max ? 0 : age;
}

std::optional<Channel::Send> Channel::known(std::uint32_t tag) const {
  if (tag == 0) return {};
  for (const ring::TaggedRequest& sent : tagged_) {
    if (sent.tag != tag) continue;
    // Responses follow the ring's order, even if the guest answers out of order.
    const bool answered = tag_age(sent) > front_.outstanding();
    return answered ? Send::answered : Send::known;
  }
  const bool queued =
      std::any_of(queue_.begin(), queue_.end(), [tag](const Queued& q) { return q.tag == tag; });
  if (queued) return Send::known;
  return {};
}

void Channel::send_queued() {
  while (!queue_.empty() && !faulty_ && !front_.full()) {
    put_request(queue_.front());
    queue_.pop_front();
  }
  // Also called for a faulty channel: its next send_request() tells the owner that there is no room.
  if (queue_.size() < channel_queue_messages_max || faulty_) {
    if (std::exchange(told_full_, false)) owner_.room();
  }
}

Channel::Respond Channel::respond(const ring::ControlMessage& message, std::optional<ring::Index> index) {
  const auto answered = answered_by(message, index);
  if (answered && *answered < early_count_) {
    const ring::Index its = unanswered_[*answered].index;
    early_->drop(its);
    journal_.told(domain(), trace::Fact::second_answer, {its});
    --early_count_;
    forget(*answered);
    return Respond::taken;
  }
  if (back_.unanswered() == 0 || (index && !answered)) {
    count(parts_.counters.refused_responses, trace::Counter::refused_responses);
    return Respond::not_owed;
  }
  put_response(message);
  // Nothing to forget if the request was abandoned.
  if (answered) forget(*answered);
  return Respond::taken;
}

void Channel::put_request(const Queued& request) {
  const ring::Index index = front_.req_prod_pvt();
  if (request.tag != 0) {
    // The page is updated first: a tag counts only when the published index has passed it.
    const auto oldest = std::ranges::max_element(
        tagged_, {}, [this](const ring::TaggedRequest& sent) { return tag_age(sent) - 1; });
    ring::TaggedRequest* in_page = ring::channel_words(frame_.frame())->tagged + (oldest - tagged_.begin());
    Memory::store(&in_page->tag, 0u);
    Memory::store(&in_page->index, index);
    Memory::store(&in_page->tag, request.tag);
    *oldest = {request.tag, index};
  }
  journal_.slot_written(domain(), ring::Ring::rx, index, SlotUse::request, request.message,
                        request.tag != 0 ? std::optional(request.tag) : std::nullopt);
  RS_CHECK(front_.put_request(request.message));
}

void Channel::put_response(const ring::ControlMessage& message) {
  journal_.slot_written(domain(), ring::Ring::tx, back_.rsp_prod_pvt(), SlotUse::response, message);
  RS_CHECK(back_.put_response(message));
}

void Channel::publish() {
  const ring::Index responses = back_.rsp_prod_pvt();
  const ring::Index requests = front_.req_prod_pvt();
  if (responses == published_responses_ && requests == published_requests_) return;
  if (responses != published_responses_) {
    back_.publish();
    journal_.index_moved(domain(), ring::Ring::tx, IndexName::rsp_prod, published_responses_, responses);
    published_responses_ = responses;
  }
  if (requests != published_requests_) {
    front_.publish();
    journal_.index_moved(domain(), ring::Ring::rx, IndexName::req_prod, published_requests_, requests);
    published_requests_ = requests;
  }
  notify();
}

void Channel::notify() {
  const ring::Raised outcome = guest_bits_.raise(remote_port());
  journal_.event_raised(domain(), trace::actor(trace::Role::domain, domain()), remote_port(), outcome);
  // dom0's own channel shares dom0's selector with all other ports of dom0, and each port has its own kicks.
  const bool wakes =
      outcome == ring::Raised::kick || (domain() == 0 && outcome == ring::Raised::already_selected);
  if (wakes) parts_.host.kick(parts_.events.peer_kicks(local_port()));
  if (wait_ != 0) parts_.host.ring_wait_expect(wait_);
}

void Channel::count_lost(std::size_t bytes) {
  std::uint32_t* lost = &ring::channel_words(frame_.frame())->controller_lost_bytes;
  ring::NativeMemory::store(lost, ring::NativeMemory::load(lost) + static_cast<std::uint32_t>(bytes));
}

// -- unanswered requests

void Channel::remember(const UnansweredRequest& request) {
  RS_CHECK(unanswered_count_ < unanswered_.size());
  unanswered_[unanswered_count_++] = request;
}

void Channel::abandon(ring::Index index) {
  const auto end = std::remove_if(unanswered_.begin() + static_cast<std::ptrdiff_t>(early_count_),
                                  unanswered_.begin() + static_cast<std::ptrdiff_t>(unanswered_count_),
                                  [index](const UnansweredRequest& owed) { return owed.index == index; });
  unanswered_count_ = static_cast<std::size_t>(end - unanswered_.begin());
}

/// The request that a response answers, as a position in unanswered(): the one at `index`, if given; else the
/// oldest with the same header, or else the oldest.
std::optional<std::size_t> Channel::answered_by(const ring::ControlMessage& response,
                                                std::optional<ring::Index> index) const {
  const auto all = unanswered();
  const auto answered = std::find_if(all.begin(), all.end(), [&](const UnansweredRequest& owed) {
    if (index) return owed.index == *index;
    return owed.message.type == response.type && owed.message.subtype == response.subtype &&
           owed.message.id == response.id;
  });
  if (answered != all.end()) return static_cast<std::size_t>(answered - all.begin());
  return index || all.empty() ? std::nullopt : std::optional<std::size_t>(0);
}

void Channel::forget(std::size_t at) {
  const auto answered = unanswered_.begin() + static_cast<std::ptrdiff_t>(at);
  std::move(answered + 1, unanswered_.begin() + static_cast<std::ptrdiff_t>(unanswered_count_), answered);
  --unanswered_count_;
}

/// Answers in the order of the ring, so that a next xcs finds every unanswered request in its slot. The
/// answer is the request itself, with its full length, as from xend.
void Channel::answer_early() {
  while (early_ && !faulty_ && early_count_ < unanswered_count_) {
    const UnansweredRequest& next = unanswered_[early_count_];
    // An earlier xcs may have died after it kept the message and before it published the answer.
    if (!early_->has(next.index)) {
      const bool may = ring::is_console_data(next.message) && !early_->full() && owner_.has_taker(next);
      if (!may) return;
      early_->keep({next.index, next.message});
    }
    journal_.told(domain(), trace::Fact::answered_early, {next.index});
    put_response(next.message);
    ++early_count_;
  }
}

// -- faults

void Channel::index_fault() {
  if (std::exchange(faulty_, true)) return;
  count(parts_.counters.index_faults, trace::Counter::index_faults);
  journal_.refused(domain(), trace::actor(trace::Role::domain, domain()), trace::Refusal::impossible_indices);
  if (std::exchange(warned_index_, true)) return;
  const Error error{
      0, "a domain's control channel is not served", fmt::format("domain {}", domain()),
      fmt::format("its ring indices are impossible (tx request {} after response {}, rx response {} "
                  "after request {})",
                  Memory::load(tx_.req_prod), back_.rsp_prod_pvt(), Memory::load(rx_.rsp_prod),
                  front_.req_prod_pvt()),
      "service continues when they make sense again; other domains are not affected"};
  parts_.host.warn(error.text());
}

void Channel::length_fault(ring::Ring ring) {
  count(parts_.counters.length_faults, trace::Counter::length_faults);
  const bool request = ring == ring::Ring::tx;
  journal_.refused(domain(), trace::actor(trace::Role::domain, domain()),
                   request ? trace::Refusal::long_request : trace::Refusal::long_response);
  if (std::exchange(warned_length_, true)) return;
  const Error error{0, "a domain's message is refused", fmt::format("domain {}", domain()),
                    fmt::format("a {} claims more than {} bytes", request ? "request" : "response",
                                ring::payload_bytes_max),
                    "further ones are counted only"};
  parts_.host.warn(error.text());
}

void Channel::count(std::uint32_t& counter, trace::Counter name) {
  journal_.counted(domain(), name, counter, counter + 1);
  ++counter;
}

}  // namespace ringside::dom0
