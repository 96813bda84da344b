// The control channel's guest end: serves both rings and calls the receivers.
#include "emu/domu/ctrl_if.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "ring/channel_words.h"

namespace ringside::domu {

using ring::ControlMessage;
using ring::Ring;

namespace {

struct FaultText {
  trace::Counter counter;
  trace::Refusal refusal;
  const char* warning;
};

FaultText text_of(CtrlIf::Fault fault) {
  switch (fault) {
    case CtrlIf::Fault::response_index:
      return {trace::Counter::ctrl_if_response_indices, trace::Refusal::response_indices,
              "tx.rsp_prod claims answers to requests that were never made; answers wait until it is valid "
              "again"};
    case CtrlIf::Fault::request_index:
      return {
          trace::Counter::ctrl_if_request_indices, trace::Refusal::request_indices,
          "rx.req_prod jumped by more than the ring holds, or back; requests wait until it is valid again"};
    case CtrlIf::Fault::unknown_id:
      return {trace::Counter::ctrl_if_unknown_ids, trace::Refusal::response_id,
              "it answers with an id that no request carries; such answers are dropped"};
    case CtrlIf::Fault::long_length:
      return {trace::Counter::ctrl_if_long_lengths, trace::Refusal::message_length,
              "it sends a message with a length above 60; the message is truncated to 60 bytes"};
  }
  RS_CHECK(!"a fault has a text");
  return {};
}

}  // namespace

CtrlIf::CtrlIf(Host& host, trace::Journal journal, DomainId domain, std::function<void()> notify,
               Quirks quirks)
    : host_(host), journal_(journal), domain_(domain), notify_(std::move(notify)), quirks_(quirks) {
  deferred_.reserve(deferred_max);
}

CtrlIf::~CtrlIf() {
  if (deferred_timer_ != 0) host_.timer_cancel(deferred_timer_);
}

Result<> CtrlIf::attach(std::byte* frame, ring::Abi abi) {
  RS_CHECK(!attached());
  abi_ = abi;
  auto tx = ring::Front<>::attach(shared_ring(frame, abi, Ring::tx));
  // Requests that the controller sent before this end attached are still in the slots.
  const ring::SharedRing rx_ring = shared_ring(frame, abi, Ring::rx);
  auto rx = nothing_owed_ ? ring::Back<>::attach_first(rx_ring) : ring::Back<>::attach(rx_ring);
  if (!tx || !rx) {
    return Error{EPROTO, "cannot attach to the control interface", fmt::format("domain {}", domain_),
                 fmt::format("the page claims more than {} requests in a ring", ring::slots_per_ring),
                 "is the domain built for the other generation?"};
  }
  frame_ = frame;
  tx_ = tx;
  rx_ = rx;
  tx_published_ = tx_->req_prod_pvt();
  rx_published_ = rx_->rsp_prod_pvt();
  tx_broken_ = rx_broken_ = false;
  ++attachment_;
  owed_ = 0;
  count_lost(0, 0);
  Batch batch(*this);
  forget_unreachable_callbacks();
  call_space_callbacks();
  return Done{};
}

void CtrlIf::count_lost(std::size_t input_bytes, std::size_t output_bytes) {
  lost_input_bytes_ += static_cast<std::uint32_t>(input_bytes);
  lost_output_bytes_ += static_cast<std::uint32_t>(output_bytes);
  if (!attached()) return;
  ring::ChannelWords* words = ring::channel_words(frame_);
  ring::NativeMemory::store(&words->guest_lost_input_bytes, lost_input_bytes_);
  ring::NativeMemory::store(&words->guest_lost_output_bytes, lost_output_bytes_);
}

void CtrlIf::suspend() {
  RS_CHECK(attached());
  // Requests that wait for process context can still be answered here, but not later.
  if (deferred_timer_ != 0) host_.timer_cancel(deferred_timer_);
  run_deferred();
  publish();
  nothing_owed_ = owed_ == 0;
  tx_.reset();
  rx_.reset();
}

CtrlIf::Sent CtrlIf::put(ControlMessage message) {
  if (!tx_) return Sent::detached;
  if (tx_->full()) return Sent::full;
  message.length = std::min<std::uint8_t>(message.length, ring::payload_bytes_max);
  Batch batch(*this);
  journal_.slot_written(domain_, Ring::tx, tx_->req_prod_pvt(), trace::SlotUse::request, message,
                        tx_->req_prod_pvt());
  RS_CHECK(tx_->put_request(message));
  return Sent::sent;
}

CtrlIf::Sent CtrlIf::send(const ControlMessage& message) {
  ControlMessage out = message;
  out.id = ring::no_callback_id;
  return put(out);
}

CtrlIf::Sent CtrlIf::send(const ControlMessage& message, OnResponse responded) {
  RS_CHECK(responded != nullptr);
  const auto entry = std::find(callbacks_.begin(), callbacks_.end(), nullptr);
  ControlMessage out = message;
  out.id = static_cast<std::uint8_t>(entry - callbacks_.begin());
  // `full` is the more useful result: the caller can wait for it with when_space().
  if (entry == callbacks_.end())
    return outstanding() == ring::slots_per_ring ? Sent::full : Sent::no_callback;
  const Sent sent = put(out);
  if (sent == Sent::sent) *entry = std::move(responded);
  return sent;
}

CtrlIf::Space CtrlIf::when_space(std::function<void()> call) {
  if (space_callbacks_.size() == space_callbacks_max) return Space::too_many;
  space_callbacks_.push_back(std::move(call));
  // Checked after queuing, so that space freed between the caller's refusal and now is noticed.
  if (!tx_ || tx_->full()) return Space::will_call;
  space_callbacks_.pop_back();
  return Space::now;
}

bool CtrlIf::register_receiver(std::uint8_t type, Receiver receiver, Context context) {
  RS_CHECK(receiver != nullptr);
  Entry& entry = receivers_[type];
  if (entry.receiver) return false;
  entry = {std::move(receiver), context};
  return true;
}

void CtrlIf::unregister_receiver(std::uint8_t type) {
  receivers_[type] = {};
}

void CtrlIf::respond(Request request, Bytes payload) {
  if (!rx_ || request.attachment_ != attachment_) {
    journal_.refused(domain_, journal_.self(), trace::Refusal::answer_of_old_page);
    return;
  }
  RS_CHECK(owed_ > 0);
  const ControlMessage& asked = request.message_;
  ControlMessage response = ring::make_message(asked.type, asked.subtype, asked.id, payload);
  if (quirks_.has(Quirk::leaky_response) && response.length < asked.length) {
    std::copy(asked.msg + response.length, std::end(asked.msg), response.msg + response.length);
    journal_.quirk(domain_, Quirk::leaky_response);
  }
  Batch batch(*this);
  journal_.slot_written(domain_, Ring::rx, rx_->rsp_prod_pvt(), trace::SlotUse::response, response);
  RS_CHECK(rx_->put_response(response));
  --owed_;
}

void CtrlIf::publish() {
  bool news = false;
  if (tx_ && tx_->req_prod_pvt() != tx_published_) {
    tx_->publish();
    const ring::Index from = std::exchange(tx_published_, tx_->req_prod_pvt());
    journal_.index_moved(domain_, Ring::tx, trace::IndexName::req_prod, from, tx_published_);
    news = true;
  }
  if (rx_ && rx_->rsp_prod_pvt() != rx_published_) {
    rx_->publish();
    const ring::Index from = std::exchange(rx_published_, rx_->rsp_prod_pvt());
    journal_.index_moved(domain_, Ring::rx, trace::IndexName::rsp_prod, from, rx_published_);
    news = true;
  }
  if (news) notify_();
}

void CtrlIf::hold_requests(bool hold) {
  requests_held_ = hold;
  // No event will announce the requests that arrived while they were held.
  if (!hold) serve();
}

bool CtrlIf::has_work() const {
  // A ring with an impossible index has no work: polling it would be a loop that the controller can start.
  // serve() checks once each time it is called.
  return (tx_ && !tx_broken_ && tx_->has_response()) ||
         (rx_ && !rx_broken_ && !requests_held_ && rx_->has_request());
}

void CtrlIf::serve() {
  if (!attached()) return;
  Batch batch(*this);
  // Responses first: they free slots for requests that the receivers below send.
  reap_responses();
  forget_unreachable_callbacks();
  call_space_callbacks();
  take_requests();
}

void CtrlIf::reap_responses() {
  for (std::uint32_t looks = 0; tx_ && looks < ring::slots_per_ring; ++looks) {
    ControlMessage response;
    const ring::Index from = tx_->rsp_cons();
    const ring::TakeResponse taken = tx_->take_response(response);
    set_broken(tx_broken_, taken == ring::TakeResponse::bad_index, Fault::response_index);
    switch (taken) {
      case ring::TakeResponse::empty:
      case ring::TakeResponse::bad_index:
        return;
      case ring::TakeResponse::long_length:
        found_fault(Fault::long_length);
        break;
      case ring::TakeResponse::taken:
        break;
    }
    journal_.index_moved(domain_, Ring::tx, trace::IndexName::rsp_cons, from, tx_->rsp_cons());
    dispatch_response(response);
  }
}

void CtrlIf::dispatch_response(const ControlMessage& response) {
  if (response.id == ring::no_callback_id) return;
  if (response.id >= response_callbacks_max || callbacks_[response.id] == nullptr) {
    found_fault(Fault::unknown_id);
    if (quirks_.has(Quirk::ctrlif_bad_id)) crash(Quirk::ctrlif_bad_id, "it jumps through a null callback");
    return;
  }
  // Freed before the call: the callback may send the next request with it.
  const OnResponse responded = std::exchange(callbacks_[response.id], nullptr);
  responded(response);
}

void CtrlIf::forget_unreachable_callbacks() {
  if (outstanding() != 0) return;
  // All requests have a response, so a callback that still waits got a response with a wrong id. A faulty
  // controller must not use up the entries.
  for (OnResponse& callback : callbacks_) callback = nullptr;
}

void CtrlIf::call_space_callbacks() {
  if (!tx_ || tx_->full() || space_callbacks_.empty()) return;
  // Each is called once; a caller that finds the ring full again asks again.
  const auto calls = std::exchange(space_callbacks_, {});
  for (const auto& call : calls) call();
}

void CtrlIf::take_requests() {
  if (requests_held_) return;
  for (std::uint32_t looks = 0; rx_ && looks < ring::slots_per_ring; ++looks) {
    ControlMessage message;
    const ring::Index from = rx_->req_cons();
    const ring::TakeRequest taken = rx_->take_request(message);
    set_broken(rx_broken_, taken == ring::TakeRequest::bad_index, Fault::request_index);
    switch (taken) {
      case ring::TakeRequest::empty:
      case ring::TakeRequest::bad_index:
        return;
      case ring::TakeRequest::long_length:
        found_fault(Fault::long_length);
        if (abi_ == ring::Abi::flat && quirks_.has(Quirk::ctrlif_no_clamp)) {
          return crash(Quirk::ctrlif_no_clamp, "a request overruns its stack");
        }
        break;
      case ring::TakeRequest::taken:
        break;
    }
    ++owed_;
    journal_.index_moved(domain_, Ring::rx, trace::IndexName::req_cons, from, rx_->req_cons());
    Request request(message, attachment_);
    if (receivers_[message.type].receiver && receivers_[message.type].context == Context::process) {
      RS_CHECK(deferred_.size() < deferred_max);
      deferred_.push_back(std::move(request));
      if (deferred_timer_ == 0)
        deferred_timer_ = host_.timer_start(Duration::zero(), [this] { run_deferred(); });
    } else {
      dispatch_request(std::move(request));
    }
  }
}

void CtrlIf::dispatch_request(Request request) {
  const Receiver& receiver = receivers_[request.message().type].receiver;
  if (receiver) {
    receiver(std::move(request));
  } else {
    respond(std::move(request));
  }
}

void CtrlIf::run_deferred() {
  deferred_timer_ = 0;
  Batch batch(*this);
  std::vector<Request> requests;
  requests.reserve(deferred_max);
  std::swap(requests, deferred_);
  for (Request& request : requests) dispatch_request(std::move(request));
}

/// Like a fatal fault in a kernel: the process ends, and the hypervisor notices.
void CtrlIf::crash(Quirk quirk, std::string_view why) {
  constexpr int signal = 11;
  journal_.quirk(domain_, quirk);
  host_.warn(fmt::format("domain {} crashes: {} (quirk {})", domain_, why, about(quirk).name));
  host_.stop(128 + signal);
}

void CtrlIf::set_broken(bool& broken, bool now, Fault fault) {
  if (now && !broken) found_fault(fault);
  broken = now;
}

void CtrlIf::found_fault(Fault fault) {
  const FaultText text = text_of(fault);
  std::uint32_t& count = faults_[static_cast<std::size_t>(fault)];
  journal_.refused(domain_, trace::dom0_actor, text.refusal);
  journal_.counted(domain_, text.counter, count, count + 1);
  if (count++ == 0) {
    host_.warn(Error{EPROTO, "the controller breaks the protocol", fmt::format("domain {}", domain_),
                     text.warning, "this warning is printed once"}
                   .text());
  }
}

}  // namespace ringside::domu
