// One thread at both ends, which compares each message with the expected one.
#include "emu/check/pair.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace ringside::check {

namespace {

constexpr std::size_t page_alignment = 64;
constexpr std::size_t surroundings_bytes = 256;
constexpr std::byte surroundings{0xb5};

ring_check_item item_with(const ring_check_ring& ring, std::uint32_t number, std::uint8_t first) {
  ring_check_item item{};
  item.id = number;
  const bool any_length = (ring.capabilities & RING_CHECK_LENGTHS) != 0;
  item.length = any_length ? number * 5 % (ring.payload_bytes + 1) : ring.payload_bytes;
  for (std::uint32_t i = 0; i < item.length; ++i)
    item.bytes[i] = static_cast<std::uint8_t>(first + number * 31 + i * 7);
  return item;
}

void compare(const char* what, const ring_check_item& seen, const ring_check_item& expected) {
  if (seen.id != expected.id)
    throw CheckFailed{fmt::format("{} {} arrived as number {}", what, expected.id, seen.id)};
  if (seen.length != expected.length)
    throw CheckFailed{fmt::format("{} {} was {} bytes long and arrived with {}", what, expected.id,
                                  expected.length, seen.length)};
  for (std::uint32_t i = 0; i < expected.length; ++i) {
    if (seen.bytes[i] == expected.bytes[i]) continue;
    throw CheckFailed{fmt::format("{} {} arrived with {:#04x} in byte {}, it was sent with {:#04x}", what,
                                  expected.id, seen.bytes[i], i, expected.bytes[i])};
  }
}

const char* name_of(int side) {
  return side == RING_CHECK_FRONT ? "the front" : "the back";
}

}  // namespace

ring_check_item request_item(const ring_check_ring& ring, std::uint32_t number) {
  return item_with(ring, number, 1);
}
ring_check_item response_item(const ring_check_ring& ring, std::uint32_t number) {
  return item_with(ring, number, 0x81);
}

Subject Subject::with_habits() const {
  std::vector<std::byte> memory(ring->page_bytes + page_alignment);
  const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
  Subject with = *this;
  with.habits =
      habits_of(*ring, memory.data() + (page_alignment - address % page_alignment) % page_alignment, fresh);
  return with;
}

Pair::Pair(const Subject& subject, std::uint32_t start, Attach attach)
    : ring_(subject.ring),
      habits_(subject.habits),
      memory_(subject.ring->page_bytes + 2 * surroundings_bytes + page_alignment, surroundings),
      scope_(*this) {
  if (subject.fresh) subject.fresh();
  const auto address = reinterpret_cast<std::uintptr_t>(memory_.data()) + surroundings_bytes;
  page_at_ = surroundings_bytes + (page_alignment - address % page_alignment) % page_alignment;
  std::fill_n(page(), ring_->page_bytes, std::byte{0});
  ring_->init(page(), start);
  if (attach != Attach::none && ring_->front_attach(page(), start) != 0)
    throw CheckFailed{"front_attach refused a page that init had made"};
  if (attach == Attach::both && ring_->back_attach(page(), start) != 0)
    throw CheckFailed{"back_attach refused a page that init had made"};
}

void Pair::attach_front() {
  if (ring_->front_attach(page(), 0) != 0) throw CheckFailed{"front_attach refused a page that is in use"};
}

void Pair::attach_back() {
  if (ring_->back_attach(page(), 0) != 0) throw CheckFailed{"back_attach refused a page that is in use"};
}

/// Repeats a call as a caller with knowledge of the habits does.
template <class Call>
int Pair::insist(Call call, bool can_be_done) const {
  const std::uint32_t again = can_be_done ? Habits::refusals_max : habits_.refusals;
  int done = call();
  for (std::uint32_t i = 0; done == 0 && i < again; ++i) done = call();
  return done;
}

bool Pair::put(bool published) {
  if (habits_.push_waits && put_.size() + taken_.size() + responses_.size() >= habits_.holds) return false;
  const ring_check_item item = request_item(*ring_, next_);
  const int done = insist([&] { return ring_->push_req(&item); }, has_room());
  if (done < 0)
    throw CheckFailed{fmt::format("push_req returned {} although the peer did nothing wrong", done)};
  wants_room_ = done == 0;
  if (done == 0) return false;
  put_.push_back(next_++);
  if (ring_->front_publish == nullptr)
    published_ = put_.size();
  else if (published)
    publish_requests();
  check_awake(RING_CHECK_BACK);
  return true;
}

void Pair::publish_requests() {
  if (ring_->front_publish == nullptr) return;
  ring_->front_publish();
  published_ = put_.size();
  check_awake(RING_CHECK_BACK);
}

bool Pair::take() {
  if (habits_.pop_waits && published_ == 0) return false;
  ring_check_item item{};
  const int done = insist([&] { return ring_->pop_req(&item); }, published_ != 0);
  if (done < 0)
    throw CheckFailed{fmt::format("pop_req returned {} although the peer did nothing wrong", done)};
  if (done == 0) {
    if (published_ != 0)
      throw CheckFailed{
          fmt::format("request {} was published, but pop_req reports an empty ring", put_.front())};
    return false;
  }
  if (published_ == 0)
    throw CheckFailed{fmt::format("request number {} came out, which was not published", item.id)};
  compare("request", item, request_item(*ring_, put_.front()));
  if (can(RING_CHECK_RESPONSES)) taken_.push_back(put_.front());
  put_.pop_front();
  --published_;
  check_awake(RING_CHECK_FRONT);
  return true;
}

bool Pair::answer(bool published) {
  const ring_check_item item = response_item(*ring_, taken_.front());
  const int done = insist([&] { return ring_->push_rsp(&item); }, true);
  if (done < 0)
    throw CheckFailed{fmt::format("push_rsp returned {} although the peer did nothing wrong", done)};
  if (done == 0) return false;
  responses_.push_back(taken_.front());
  taken_.pop_front();
  if (ring_->back_publish == nullptr)
    responses_published_ = responses_.size();
  else if (published)
    publish_responses();
  check_awake(RING_CHECK_FRONT);
  return true;
}

bool Pair::take_unchecked(ring_check_item& item) {
  return insist([&] { return ring_->pop_req(&item); }, true) == 1;
}

bool Pair::answer_with(const ring_check_item& item) {
  return insist([&] { return ring_->push_rsp(&item); }, true) == 1;
}

void Pair::publish_responses() {
  if (ring_->back_publish == nullptr) return;
  ring_->back_publish();
  responses_published_ = responses_.size();
  check_awake(RING_CHECK_FRONT);
}

bool Pair::take_response() {
  if (habits_.pop_response_waits && responses_published_ == 0) return false;
  ring_check_item item{};
  const int done = insist([&] { return ring_->pop_rsp(&item); }, responses_published_ != 0);
  if (done < 0)
    throw CheckFailed{fmt::format("pop_rsp returned {} although the peer did nothing wrong", done)};
  if (done == 0) {
    if (responses_published_ != 0)
      throw CheckFailed{
          fmt::format("response {} was published, but pop_rsp reports an empty ring", responses_.front())};
    return false;
  }
  if (responses_published_ == 0)
    throw CheckFailed{fmt::format("response number {} came out, which was not published", item.id)};
  compare("response", item, response_item(*ring_, responses_.front()));
  responses_.pop_front();
  wants_room_ = false;
  --responses_published_;
  return true;
}

bool Pair::sleep(ring_check_side side) {
  auto* look = side == RING_CHECK_FRONT ? ring_->front_final_check : ring_->back_final_check;
  if (can(RING_CHECK_SPINS) || look() != 0) return false;
  asleep_[side] = true;
  check_awake(side);
  return true;
}

bool Pair::wake(ring_check_side side) {
  if (!asleep_[side] || !raised_[side]) return false;
  asleep_[side] = false;
  raised_[side] = false;
  wants_room_ = side != RING_CHECK_FRONT && wants_room_;
  auto* woken = side == RING_CHECK_FRONT ? ring_->front_woken : ring_->back_woken;
  if (woken != nullptr) woken();
  return true;
}

/// An end that sleeps with work must have been notified.
void Pair::check_awake(ring_check_side side) const {
  if (!asleep_[side] || raised_[side]) return;
  // Without responses, the front waits for room.
  const bool has_room =
      side == RING_CHECK_FRONT && !can(RING_CHECK_RESPONSES) && wants_room_ && put_.size() < ring_->slots;
  if (has_room) throw CheckFailed{"the front waits for room, there is room, and it was not notified"};
  const std::size_t work = side == RING_CHECK_FRONT ? responses_published_ : published_;
  if (work == 0) return;
  throw CheckFailed{fmt::format("{} sleeps, {} {} for it, and it was not notified", name_of(side), work,
                                work == 1 ? "message waits" : "messages wait")};
}

void Pair::check_surroundings() const {
  for (std::size_t i = 0; i < memory_.size(); ++i) {
    if (i >= page_at_ && i < page_at_ + ring_->page_bytes) continue;
    if (memory_[i] == surroundings) continue;
    throw CheckFailed{i < page_at_ ? fmt::format("a byte was written {} bytes before the page", page_at_ - i)
                                   : fmt::format("a byte was written {} bytes after the page",
                                                 i - page_at_ - ring_->page_bytes + 1)};
  }
}

void Pair::notify(int side) {
  if (side != RING_CHECK_FRONT && side != RING_CHECK_BACK)
    throw CheckFailed{fmt::format("ring_check_notify was called for side {}, which does not exist", side)};
  raised_[static_cast<std::size_t>(side)] = true;
}

/// A single thread cannot be woken by another one.
void Pair::wait(int side) {
  if (raised_[side == RING_CHECK_BACK ? 1 : 0]) {
    raised_[side == RING_CHECK_BACK ? 1 : 0] = false;
    return;
  }
  throw CheckFailed{fmt::format("{} waits inside a call, where no notification can reach it", name_of(side))};
}

}  // namespace ringside::check
