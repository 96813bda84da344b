// Peers that write any values into the page, the ends that must withstand that, and two threads that share
// one end.
#include "emu/check/workload.h"

namespace ringside::check {

namespace {

/// The number of values that a hostile peer tries for an index.
constexpr std::uint32_t hostile_values = 6;
/// Value `which` of them, for an index that is `now`.
std::uint64_t hostile_value(std::uint32_t which, std::uint64_t now, std::uint32_t slots) {
  switch (which) {
    case 0:
      return now + slots + 1;
    case 1:
      return now - 1;
    case 2:
      return now + 0x80000000u;
    case 3:
      return ~std::uint64_t{0};
    case 4:
      return now + slots;
    default:
      return now + 1;
  }
}

}  // namespace

// -- a hostile peer, and the ends that withstand it

/// Begins as a correct end, then writes into the page `messages` times.
void RingProgram::attack(int side) {
  const ring_check_item honest = request(0);
  if (side == RING_CHECK_FRONT) {
    if (insist([&] { return ring_->push_req(&honest); }) == 1 && ring_->front_publish != nullptr)
      ring_->front_publish();
  }
  for (std::uint32_t move = 0; move < workload_.messages; ++move) {
    const std::uint32_t ways_slots = ring_->slot_bytes == 0 ? 0 : 2;
    const std::uint32_t what = ring_check_choose(ring_->word_count + ways_slots,
                                                 "which word the peer overwrites (the last two: a slot)");
    if (what < ring_->word_count) {
      write_hostile_word(ring_->words[what]);
    } else {
      write_hostile_slot((workload_.start + move) % ring_->slots, what == ring_->word_count ? 0xff : 0x00);
    }
    ring_check_notify(1 - side);
  }
}

void RingProgram::write_hostile_word(const ring_check_word& word) {
  Execution* execution = Execution::current();
  Op op;
  op.offset = word.offset;
  op.size = std::min<std::uint32_t>(word.size, sizeof(std::uint64_t));
  op.order = Order::relaxed;
  op.kind = OpKind::load;
  execution->announce(op);
  std::uint64_t now = 0;
  std::memcpy(&now, page_.data() + word.offset, op.size);
  std::uint64_t value = 0;
  if (word.kind == RING_CHECK_REQ_INDEX || word.kind == RING_CHECK_RSP_INDEX) {
    value =
        hostile_value(ring_check_choose(hostile_values, "what it writes into the index"), now, ring_->slots);
  } else {
    value = ring_check_choose(2, "what it writes into the word") == 0 ? ~now : now + 1;
  }
  op.kind = OpKind::store;
  execution->announce(op);
  std::memcpy(page_.data() + word.offset, &value, op.size);
}

/// Writes one granule of the slot: torn messages are covered by the workloads with correct ends.
void RingProgram::write_hostile_slot(std::uint32_t slot, int byte) {
  const std::uint32_t granules = std::clamp(ring_->slot_bytes / granule_bytes, 1u, 8u);
  const std::uint32_t at =
      ring_check_choose(granules, "which 8 bytes of the slot it overwrites") * granule_bytes;
  Op op;
  op.kind = OpKind::store;
  op.order = Order::relaxed;
  op.offset = ring_->slots_offset + slot * ring_->slot_bytes + at;
  op.size = std::min(granule_bytes, ring_->slot_bytes - at);
  Execution::current()->announce(op);
  std::memset(page_.data() + op.offset, byte, op.size);
}

void RingProgram::check_taken(const Guarded& got, std::string_view what) {
  if (got.overrun()) fail(fmt::format("{} writes beyond the item that it was given", what));
  if (got.item.length > ring_->payload_bytes)
    fail(fmt::format("{} returns length {}; a message has at most {}", what, got.item.length,
                     ring_->payload_bytes));
}

void RingProgram::run_against_hostile_front() {
  const std::uint32_t rounds_max = 4 * (workload_.messages + 2);
  for (std::uint32_t round = 0; round < rounds_max; ++round) {
    std::uint32_t taken = 0;
    int popped = 0;
    for (;;) {
      Guarded got;
      popped = insist([&] { return ring_->pop_req(&got.item); });
      if (popped != 1) break;
      check_taken(got, "pop_req()");
      if (++taken > ring_->slots)
        fail(fmt::format(
            "pop_req() takes {} requests without a response between them, from a ring of {} slots", taken,
            ring_->slots));
    }
    if (popped < 0) return;
    for (std::uint32_t i = 0; i < taken && can(RING_CHECK_RESPONSES); ++i) {
      const ring_check_item item = response(0);
      if (insist([&] { return ring_->push_rsp(&item); }) < 0) return;
    }
    if (taken > 0 && ring_->back_publish != nullptr && can(RING_CHECK_RESPONSES)) ring_->back_publish();
    sleep(RING_CHECK_BACK);
  }
  fail("the back never stops working: a hostile front keeps it busy without further writes");
}

void RingProgram::run_against_hostile_back() {
  const std::uint32_t rounds_max = 4 * (workload_.messages + 2);
  std::uint64_t ids_out = 0;
  for (std::uint32_t round = 0; round < rounds_max; ++round) {
    while (sent_ < workload_.messages + ring_->slots + 1) {
      const ring_check_item item = request(sent_);
      const int pushed = insist([&] { return ring_->push_req(&item); });
      if (pushed < 0) return;
      if (pushed == 0) break;
      ids_out |= std::uint64_t{1} << (item.id % 64);
      if (++sent_ - answered_ > ring_->slots) {
        fail(fmt::format(
            "push_req() takes {} requests without a response between them, into a ring of {} slots",
            sent_ - answered_, ring_->slots));
      }
    }
    if (ring_->front_publish != nullptr) ring_->front_publish();
    for (;;) {
      Guarded got;
      const int popped = insist([&] { return ring_->pop_rsp(&got.item); });
      if (popped < 0) return;
      if (popped == 0) break;
      check_taken(got, "pop_rsp()");
      if (answered_ == sent_)
        fail(fmt::format("pop_rsp() returns response {} to {} requests", answered_ + 1, sent_));
      ++answered_;
      if (!can(RING_CHECK_KEEPS_ID)) continue;
      const std::uint64_t its = std::uint64_t{1} << (got.item.id % 64);
      if (got.item.id > 63 || (ids_out & its) == 0)
        fail(fmt::format("pop_rsp() returns a response with id {}, which is not outstanding", got.item.id));
      ids_out &= ~its;
    }
    sleep(RING_CHECK_FRONT);
  }
  fail("the front never stops working: a hostile back keeps it busy without further writes");
}

// -- two threads at one front

void RingProgram::push_as_one_of_two(std::uint32_t which) {
  for (std::uint32_t number = which; number < workload_.messages; number += 2) {
    const ring_check_item item = request(number);
    // A thread that tries once may lose to each message of the other thread.
    if (insist([&] { return ring_->push_req(&item); }, (habits_.refusals + 1) * workload_.messages) != 1)
      fail(fmt::format("push_req() refuses request {} of a ring with room", number + 1));
    if (ring_->front_publish != nullptr) ring_->front_publish();
  }
}

void RingProgram::take_from_both() {
  std::uint64_t seen = 0;
  while (handled_ < workload_.messages) {
    Guarded got;
    const int popped = insist([&] { return ring_->pop_req(&got.item); });
    if (popped < 0) fail("pop_req() refuses: it finds the page invalid");
    if (popped == 0) {
      sleep(RING_CHECK_BACK);
      continue;
    }
    const std::uint32_t number = got.item.id - 1;
    if (number >= workload_.messages)
      fail(fmt::format("the back takes a request with id {}, which was not sent", got.item.id));
    expect(got.item, request(number), "back", "request", number);
    if ((seen >> number & 1) != 0) fail(fmt::format("the back takes request {} twice", number + 1));
    seen |= std::uint64_t{1} << number;
    ++handled_;
  }
}

}  // namespace ringside::check
