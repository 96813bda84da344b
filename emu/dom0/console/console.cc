// Output: guest_request -> unanswered_ -> store -> deliver(). Input: store -> at most seven requests ->
// guest.
#include "emu/dom0/console/console.h"

#include <algorithm>
#include <utility>

namespace ringside::dom0 {

namespace {

/// A reader's turn ends after this many writes. The first ones may empty the buffer; withheld output then
/// enters it.
constexpr int writes_per_turn_max = 16;

}  // namespace

Console::Console(Host& host, trace::Journal journal, DomainId domain, ConsoleStore store, ConsoleGuest guest)
    : host_(host),
      journal_(journal),
      domain_(domain),
      guest_(std::move(guest)),
      store_(std::move(store)),
      to_send_(store_.input_in_flight()) {
  store_.warn_of_repeat(host_, journal_, domain_);
}

// -- output

void Console::guest_request(const ring::ControlMessage& request, std::uint32_t number) {
  if (guest_.numbers()) {
    const auto same = [number](const UnansweredRequest& owed) { return owed.number == number; };
    if (std::any_of(unanswered_.begin(), unanswered_.end(), same)) return;
    forget_answered(number);
  }
  if (unanswered_.size() == requests_max()) {
    // A ring and xcs's early answers allow no more. The guest has broken the protocol, and the answer to this
    // request has no slot.
    journal_.refused(domain_, trace::actor(trace::Role::xcs), trace::Refusal::too_many_unanswered);
    return;
  }
  unanswered_.push_back({request, number, false});
  answer_owed();
}

/// The guest sends a request requests_max() after an older one only when the older one was answered. If this
/// daemon did not answer the older one, an earlier daemon did, whose last answers had not arrived when this
/// daemon was offered the same requests. That daemon kept the output; if the store does not have it, it is
/// kept now.
void Console::forget_answered(std::uint32_t newest) {
  std::erase_if(unanswered_, [&](const UnansweredRequest& owed) {
    const auto older_by = static_cast<std::int32_t>(ring::distance(newest, owed.number));
    if (older_by < static_cast<std::int32_t>(requests_max())) return false;
    if (ring::is_console_data(owed.message) && !owed.kept && !known(owed.number))
      take_output(owed.message.payload(), owed.number);
    return true;
  });
}

void Console::answer_owed() {
  bool output_waits = false;
  std::size_t kept = 0;
  for (std::size_t at = 0; at < unanswered_.size(); ++at) {
    UnansweredRequest request = unanswered_[at];
    // After the end the guest waits for no answers, but its bytes are kept.
    bool answerable = finished_ || guest_.has_room();
    if (answerable && ring::is_console_data(request.message) && !request.kept) {
      answerable = request.kept = !output_waits && keep_output(request);
    }
    if (!answerable || (answers_withheld_ && !finished_)) {
      // Output keeps its order; requests of other kinds do not wait for it.
      output_waits = output_waits || (ring::is_console_data(request.message) && !request.kept);
      unanswered_[kept++] = request;
    } else if (guest_.has_room()) {
      // The answer is the request itself, with its full length, as xend of 2005 gave it.
      guest_.respond(request.message, request.number);
    }
  }
  unanswered_.resize(kept);
}

bool Console::keep_output(const UnansweredRequest& request) {
  // Its output was kept earlier; only its answer was lost.
  if (known(request.number)) return true;
  const Bytes bytes = request.message.payload();
  const bool waits = must_wait(bytes.size());
  if (waits && !finished_) return false;
  // After the end the bytes have no other place to wait.
  take_output(bytes, guest_.numbers() ? std::optional<ring::Index>(request.number) : std::nullopt, waits);
  return true;
}

void Console::take_output(Bytes bytes, std::optional<ring::Index> index, bool beyond_limit) {
  const std::uint64_t discarded = store_.output_take(bytes, index, beyond_limit);
  if (discarded == 0) return;
  const std::uint64_t all = discarded_bytes();
  journal_.counted(domain_, trace::Counter::console_bytes_discarded,
                   static_cast<std::uint32_t>(all - discarded), static_cast<std::uint32_t>(all));
  if (all == discarded) discards_begin();
}

Io::State Console::deliver(const std::function<Io(Bytes)>& write, trace::Actor reader) {
  say_crash_notice();
  for (int writes = 0; writes < writes_per_turn_max && store_.output_bytes() > 0; ++writes) {
    store_.output_offer(store_.output_front().size());
    const auto moment = journal_.moment();
    const Io io = write(store_.output_front());
    if (io.state != Io::State::moved) {
      store_.output_offer(0);
      return io.state;
    }
    journal_.bytes_passed(domain_, reader, store_.output_front().first(io.bytes), moment);
    store_.output_drop(io.bytes);
    // There is room for withheld output now.
    answer_owed();
    say_crash_notice();
  }
  return Io::State::moved;
}

void Console::take_back(Bytes unread) {
  if (unread.empty()) repeat_crash_notice();
  // There is room: these bytes were in the queue before, and the queue takes no new bytes beyond its limit.
  store_.output_return(unread);
  // Bytes beyond the limit are discarded, as for new output.
  take_output({}, std::nullopt);
}

void Console::withhold_answers(bool withhold) {
  answers_withheld_ = withhold;
  if (withhold) return;
  answer_owed();
  settle();
  guest_.flush();
}

// -- input

void Console::guest_response(std::uint32_t tag) {
  store_.input_answered(guest_.numbers() ? tag : 0);
  to_send_ = std::min(to_send_, store_.input_in_flight());
}

/// A piece of input counts as in flight before the channel has it. If this daemon dies, the next one sends
/// the piece again, and the owner of the ring recognises the pieces that it had.
void Console::send_input() {
  if (finished_ || input_held_) return;
  while (guest_.has_room() && (to_send_ > 0 || store_.input_sendable())) {
    if (to_send_ > 0 && !guest_.numbers()) {
      discard_unnumbered_input();
      continue;
    }
    if (to_send_ == 0) {
      (void)store_.input_send();
      to_send_ = 1;
    }
    const ConsoleStore::Input input = store_.input_sent(store_.input_in_flight() - to_send_);
    const ConsoleGuest::Sent sent = guest_.send(input.message, input.tag);
    if (sent == ConsoleGuest::Sent::full) return;
    --to_send_;
    if (sent == ConsoleGuest::Sent::answered) guest_response(input.tag);
  }
}

/// An xcs without numbers does not recognise pieces that the xcs before it had, and a duplicate is worse than
/// a loss.
void Console::discard_unnumbered_input() {
  host_.warn(
      fmt::format("domain {}: {} pieces of input may be lost with the xcs that had them", domain_, to_send_));
  for (; to_send_ > 0; --to_send_) store_.input_answered(0);
}

void Console::hold_input(bool hold) {
  input_held_ = hold;
  send_input();
}

// -- the channel and the end

void Console::channel_ready() {
  answer_owed();
  settle();
}

void Console::channel_lost() {
  to_send_ = store_.input_in_flight();
  // Unanswered requests are still in the guest's ring.
  unanswered_.clear();
}

void Console::finish(std::string crash_notice) {
  if (finished_) return;
  finished_ = true;
  crash_notice_ = std::move(crash_notice);
  // An earlier daemon may have written it already: then it is in the store, unread.
  notice_due_ = !crash_notice_.empty() && !store_.output_ends_with(crash_notice_);
  store_.input_end(journal_, domain_);
  to_send_ = 0;
  answer_owed();
  settle();
}

/// Writes the notice only after all other output has been read, so that it displaces none.
void Console::say_crash_notice() {
  if (!notice_due_ || store_.output_bytes() > 0 || !unanswered_.empty() || !has_reader()) return;
  notice_due_ = false;
  const Bytes notice{reinterpret_cast<const std::uint8_t*>(crash_notice_.data()), crash_notice_.size()};
  journal_.bytes_passed(domain_, journal_.self(), notice);
  take_output(notice, std::nullopt);
}

void Console::repeat_crash_notice() {
  if (store_.output_bytes() == 0) notice_due_ = !crash_notice_.empty();
}

}  // namespace ringside::dom0
