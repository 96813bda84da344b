// The checks, one function each.
#include "emu/check/conformance.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace ringside::check {

namespace {

/// Thrown by a check that does not apply to the ring.
struct CheckSkipped {
  std::string why;
};

void must(bool holds, const std::string& otherwise) {
  if (!holds) throw CheckFailed{otherwise};
}

void needs(const ring_check_ring& ring, ring_check_capability capability, const char* name) {
  if ((ring.capabilities & capability) == 0)
    throw CheckSkipped{fmt::format("the ring does not promise {}", name)};
}

bool answers(const Pair& pair) {
  return pair.can(RING_CHECK_RESPONSES);
}

/// Passes one request, and its response.
void round_trip(Pair& pair) {
  must(pair.put(), fmt::format("request {} found no room in an empty ring", pair.put_count() + 1));
  must(pair.take(), "a published request did not come out");
  if (!answers(pair)) return;
  must(pair.answer(), "there was no room for the response to a request that was taken");
  must(pair.take_response(), "a published response did not come out");
}

void fill(Pair& pair) {
  for (std::uint32_t i = 0; i < pair.ring().slots; ++i)
    must(pair.put(), fmt::format("only {} of {} messages found room", i, pair.ring().slots));
}

void drain(Pair& pair) {
  while (pair.take()) {
  }
  while (answers(pair) && pair.unanswered() != 0) must(pair.answer(), "there was no room for a response");
  while (answers(pair) && pair.take_response()) {
  }
}

// -- the checks

void starts_empty(const Subject& subject) {
  Pair pair(subject, 0);
  (void)pair.take();  // throws if a request comes out
  if (answers(pair)) (void)pair.take_response();
}

void one_arrives(const Subject& subject) {
  Pair pair(subject, 0);
  must(pair.put(), "the first request found no room");
  must(pair.take(), "a published request did not come out");
  (void)pair.take();  // throws if a request comes out
  pair.check_surroundings();
}

void keeps_order(const Subject& subject) {
  Pair pair(subject, 0);
  fill(pair);
  drain(pair);
}

void full_refuses(const Subject& subject) {
  Pair pair(subject, 0);
  const std::string one_too_many =
      fmt::format("message {} found room in a ring of {}", pair.ring().slots + 1, pair.ring().slots);
  must(!pair.habits().push_waits || pair.habits().holds <= pair.ring().slots, one_too_many);
  fill(pair);
  must(!pair.put(), one_too_many);
  drain(pair);
  fill(pair);
  must(!pair.put(), "a ring that was full before accepted one message too many the second time");
  drain(pair);
  pair.check_surroundings();
}

void untaken_response_survives(const Subject& subject) {
  needs(*subject.ring, RING_CHECK_RESPONSES, "RESPONSES");
  Pair pair(subject, 0);
  fill(pair);
  while (pair.take()) {
  }
  while (pair.unanswered() != 0) must(pair.answer(), "there was no room for a response");
  // Some rings have room at this point and some do not; no response may be lost in either case.
  for (std::uint32_t i = 0; i < pair.ring().slots && pair.put(); ++i) {
  }
  drain(pair);
}

void echoes(const Subject& subject) {
  needs(*subject.ring, RING_CHECK_RESPONSES, "RESPONSES");
  Pair pair(subject, 0);
  for (std::uint32_t i = 0; i < 2 * pair.ring().slots; ++i) round_trip(pair);
  (void)pair.take_response();
}

void publishes_when_told(const Subject& subject) {
  if (subject.ring->front_publish == nullptr) throw CheckSkipped{"push_req publishes by itself"};
  Pair pair(subject, 0);
  must(pair.put(false), "the first request found no room");
  (void)pair.take();  // throws if a request comes out
  pair.publish_requests();
  must(pair.take(), "a published request did not come out");
}

/// For a ring with more slots than this, only some fills and some starts are tried: all would take minutes.
constexpr std::uint32_t slots_one_by_one = 64;
constexpr std::uint32_t starts_of_a_large_ring = 16;

/// 1 .. `last`, or `most` of these numbers, evenly spread, with the first and the last.
std::vector<std::uint32_t> spread(std::uint32_t last, std::uint32_t most) {
  std::vector<std::uint32_t> numbers;
  const std::uint32_t count = std::min(last, most);
  for (std::uint64_t i = 0; i < count; ++i)
    numbers.push_back(1 + static_cast<std::uint32_t>(count == 1 ? 0 : i * (last - 1) / (count - 1)));
  return numbers;
}

/// Fills the ring four times with each number of messages, from one to all, so that each slot is first and
/// last.
void wraps(const Subject& subject, std::uint32_t start) {
  Pair pair(subject, start);
  for (std::uint32_t round = 0; round < 4; ++round) {
    for (const std::uint32_t fill : spread(pair.ring().slots, slots_one_by_one)) {
      for (std::uint32_t i = 0; i < fill; ++i) must(pair.put(), "there was no room in a drained ring");
      drain(pair);
    }
  }
  pair.check_surroundings();
}

void slots_are_reused(const Subject& subject) {
  wraps(subject, 0);
}

void passes_wrap(const Subject& subject) {
  needs(*subject.ring, RING_CHECK_ANY_START, "ANY_START");
  const std::uint32_t slots = subject.ring->slots;
  const bool is_large = slots > slots_one_by_one;
  for (const std::uint32_t before : spread(slots + 1, is_large ? starts_of_a_large_ring : slots + 1))
    wraps(subject, 0u - before);
}

void any_length(const Subject& subject) {
  needs(*subject.ring, RING_CHECK_LENGTHS, "LENGTHS");
  Pair pair(subject, 0);
  // Lengths follow from the numbers of messages, and take every value within this many steps.
  for (std::uint32_t i = 0; i <= 5 * (pair.ring().payload_bytes + 1); ++i) round_trip(pair);
}

void late_back(const Subject& subject) {
  needs(*subject.ring, RING_CHECK_ATTACH_RUNNING, "ATTACH_RUNNING");
  Pair pair(subject, 0, Pair::Attach::front);
  must(pair.put(), "the first request found no room");
  pair.attach_back();
  must(pair.take(), "a request that was made before the back attached did not come out");
  drain(pair);
  round_trip(pair);
}

void attaches_again(const Subject& subject) {
  needs(*subject.ring, RING_CHECK_REATTACH, "REATTACH");
  Pair pair(subject, 0);
  round_trip(pair);
  fill(pair);
  if (pair.ring().detach != nullptr) pair.ring().detach(RING_CHECK_BACK);
  pair.attach_back();
  drain(pair);
  if (pair.ring().detach != nullptr) pair.ring().detach(RING_CHECK_FRONT);
  pair.attach_front();
  round_trip(pair);
}

void wakes_sleepers(const Subject& subject) {
  if ((subject.ring->capabilities & RING_CHECK_SPINS) != 0) throw CheckSkipped{"the ends never sleep"};
  Pair pair(subject, 0);
  for (std::uint32_t round = 0; round < 2 * pair.ring().slots; ++round) {
    must(pair.sleep(RING_CHECK_BACK), "the back refuses to sleep although it has nothing to do");
    must(pair.put(), "there was no room in a drained ring");
    pair.wake(RING_CHECK_BACK);
    must(pair.take(), "a published request did not come out");
    if (!answers(pair)) continue;
    (void)pair.sleep(RING_CHECK_FRONT);
    must(pair.answer(), "there was no room for a response");
    pair.wake(RING_CHECK_FRONT);
    must(pair.take_response(), "a published response did not come out");
  }
}

// -- what a hostile page must not cause

/// A call that waits would never return here, because no process changes the page any more.
void may_refuse(const Pair& pair) {
  if (pair.habits().push_waits) throw CheckSkipped{"push_req waits for room"};
  if (pair.habits().pop_waits) throw CheckSkipped{"pop_req waits for a request"};
  if (pair.habits().pop_response_waits) throw CheckSkipped{"pop_rsp waits for a response"};
}

void set_words(Pair& pair, ring_check_word_kind kind, std::uint64_t value) {
  for (std::uint32_t i = 0; i < pair.ring().word_count; ++i) {
    const ring_check_word& word = pair.ring().words[i];
    if (word.kind == kind) std::memcpy(pair.page() + word.offset, &value, word.size);
  }
}

/// Takes all messages, but at most one more than is possible.
std::uint32_t count_taken(Pair& pair, int (*take)(ring_check_item*), std::uint32_t most) {
  std::uint32_t taken = 0;
  ring_check_item item{};
  while (taken <= most && take(&item) == 1) ++taken;
  pair.check_surroundings();
  return taken;
}

void survives_req_index(const Subject& subject) {
  needs(*subject.ring, RING_CHECK_HOSTILE_FRONT, "HOSTILE_FRONT");
  const std::uint32_t slots = subject.ring->slots;
  for (const std::uint32_t claim : {slots + 1, slots + 1000, 0x80000000u, 0xffffffffu}) {
    Pair pair(subject, 0);
    may_refuse(pair);
    set_words(pair, RING_CHECK_REQ_INDEX, claim);
    const std::uint32_t taken = count_taken(pair, pair.ring().pop_req, slots);
    must(taken <= slots,
         fmt::format("a request index of {} made the back take more requests than there are slots", claim));
  }
}

void survives_rsp_index(const Subject& subject) {
  needs(*subject.ring, RING_CHECK_HOSTILE_BACK, "HOSTILE_BACK");
  needs(*subject.ring, RING_CHECK_RESPONSES, "RESPONSES");
  const std::uint32_t slots = subject.ring->slots;
  for (const std::uint32_t claim : {2u, slots + 1000, 0x80000000u, 0xffffffffu}) {
    Pair pair(subject, 0);
    may_refuse(pair);
    must(pair.put(), "the first request found no room");
    set_words(pair, RING_CHECK_RSP_INDEX, claim);
    const std::uint32_t taken = count_taken(pair, pair.ring().pop_rsp, 1);
    must(taken <= 1,
         fmt::format("a response index of {} made the front take responses without requests", claim));
  }
}

void keeps_own_index(const Subject& subject) {
  needs(*subject.ring, RING_CHECK_HOSTILE_BACK, "HOSTILE_BACK");
  Pair pair(subject, 0);
  may_refuse(pair);
  fill(pair);
  set_words(pair, RING_CHECK_REQ_INDEX, 0);
  set_words(pair, RING_CHECK_EVENT, 0);
  must(!pair.put(), "the back overwrote the request index, and the front then assumes that there is room");
}

void write_hostile_slots(Pair& pair) {
  const ring_check_ring& ring = pair.ring();
  if (ring.slot_bytes == 0) throw CheckSkipped{"the table does not say where the slots are"};
  std::memset(pair.page() + ring.slots_offset, 0xff, std::size_t{ring.slots} * ring.slot_bytes);
}

void limits_lengths(const Subject& subject) {
  needs(*subject.ring, RING_CHECK_HOSTILE_FRONT, "HOSTILE_FRONT");
  Pair pair(subject, 0);
  may_refuse(pair);
  must(pair.put(), "the first request found no room");
  write_hostile_slots(pair);
  ring_check_item item{};
  if (pair.ring().pop_req(&item) != 1) return;
  must(item.length <= pair.ring().payload_bytes,
       fmt::format("a request came out with {} bytes; the maximum is {}", item.length,
                   pair.ring().payload_bytes));
}

void refuses_foreign_id(const Subject& subject) {
  needs(*subject.ring, RING_CHECK_KEEPS_ID, "KEEPS_ID");
  Pair pair(subject, 0);
  may_refuse(pair);
  must(pair.put() && pair.take() && pair.answer(), "a request and its response found no room");
  write_hostile_slots(pair);
  ring_check_item item{};
  if (pair.ring().pop_rsp(&item) != 1) return;
  must(item.id == pair.put_count(),
       fmt::format("a response with id {} came out, but the only request had id {}", item.id,
                   pair.put_count()));
}

/// Bytes that a response may leave: its own, zeros, and small numbers such as lengths and indices of a table.
bool belongs(std::uint8_t byte, const ring_check_item& response) {
  constexpr std::uint8_t small = 16;
  const auto* end = response.bytes + response.length;
  return byte < small || byte == static_cast<std::uint8_t>(response.length) ||
         std::find(response.bytes, end, byte) != end;
}

void leaks_nothing(const Subject& subject) {
  needs(*subject.ring, RING_CHECK_WHOLE_SLOTS, "WHOLE_SLOTS");
  needs(*subject.ring, RING_CHECK_LENGTHS, "LENGTHS");
  needs(*subject.ring, RING_CHECK_RESPONSES, "RESPONSES");
  Pair pair(subject, 0);
  must(pair.put(), "the first request found no room");
  ring_check_item item{};
  must(pair.take_unchecked(item), "a published request did not come out");
  const std::vector<std::byte> before(pair.page(), pair.page() + pair.ring().page_bytes);
  item.length = 1;
  item.bytes[0] = 0x11;
  must(pair.answer_with(item), "there was no room for the response");
  for (std::uint32_t i = 0; i < pair.ring().slots * pair.ring().slot_bytes; ++i) {
    const std::size_t at = pair.ring().slots_offset + i;
    const auto now = std::to_integer<std::uint8_t>(pair.page()[at]);
    must(pair.page()[at] == before[at] || belongs(now, item),
         fmt::format("a response of 1 byte left {:#04x} in byte {} of its slot", now,
                     i % pair.ring().slot_bytes));
  }
}

struct Entry {
  const char* name;
  void (*check)(const Subject&);
};
constexpr Entry entries[] = {
    {"a new ring is empty", starts_empty},
    {"one message arrives, and no byte outside the page is written", one_arrives},
    {"messages keep their order", keeps_order},
    {"a full ring refuses one more", full_refuses},
    {"a response that is not taken survives new requests", untaken_response_survives},
    {"each request is answered once", echoes},
    {"no message is visible before it is published", publishes_when_told},
    {"the slots are reused", slots_are_reused},
    {"the ring passes the wrap at 2^32", passes_wrap},
    {"every length arrives unchanged", any_length},
    {"a back that attaches late takes waiting requests", late_back},
    {"an end that attaches again loses no message", attaches_again},
    {"an end that sleeps is woken for each message", wakes_sleepers},
    {"a jumped request index does no harm", survives_req_index},
    {"a jumped response index does no harm", survives_rsp_index},
    {"the front keeps its own index", keeps_own_index},
    {"a length beyond the payload is limited", limits_lengths},
    {"the id of a response is checked", refuses_foreign_id},
    {"a short response leaves no other data in its slot", leaks_nothing},
};

ConformanceCheck run(const Entry& entry, const Subject& subject) {
  try {
    entry.check(subject);
    return {entry.name, Conforms::pass, ""};
  } catch (const CheckFailed& broken) {
    return {entry.name, Conforms::fail, broken.why};
  } catch (const CheckSkipped& reason) {
    return {entry.name, Conforms::skipped, reason.why};
  }
}

}  // namespace

std::string_view name_of(Conforms conforms) {
  switch (conforms) {
    case Conforms::pass:
      return "pass";
    case Conforms::fail:
      return "FAIL";
    case Conforms::skipped:
      return "skipped";
  }
  return "";
}

std::vector<ConformanceCheck> check_conformance(const Subject& subject) {
  if (const std::string fault = fault_of_table(subject.ring); !fault.empty())

    return {{"the table is valid", Conforms::fail, fault}};
  std::vector<ConformanceCheck> checks{{"the table is valid", Conforms::pass, ""}};
  const Subject with_habits = subject.with_habits();
  for (const Entry& entry : entries) checks.push_back(run(entry, with_habits));
  return checks;
}

}  // namespace ringside::check
