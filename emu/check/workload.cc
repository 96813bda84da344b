// Both ends of a ring in correct use, and the expected result: messages in order, once, unchanged, and
// answered.
#include "emu/check/workload.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "emu/check/pair.h"

namespace ringside::check {

namespace {

/// Handles ring_check_fail() in a scenario's check.
class Verdict final : public CheckServices {
 public:
  void notify(int) override {}
  void wait(int) override {}
  void await() override {}
  [[noreturn]] void fail(const char* text) override { throw CheckFailed{text}; }
  std::uint32_t choose(std::uint32_t, const char*) override { return 0; }
};

/// A ring may hold more than it promises, but not without a limit.
constexpr std::uint32_t fill_factor_max = 64;

std::string in_hex(const ring_check_item& item, std::uint32_t bytes_max) {
  std::string text;
  for (std::uint32_t i = 0; i < std::min({item.length, bytes_max, 8u}); ++i)
    text += fmt::format("{}{:02x}", i == 0 ? "" : " ", item.bytes[i]);
  return text + (std::min(item.length, bytes_max) > 8 ? " ..." : "");
}

}  // namespace

std::string_view name_of(WorkloadKind kind) {
  switch (kind) {
    case WorkloadKind::exchange:
      return "exchange";
    case WorkloadKind::full:
      return "full";
    case WorkloadKind::attach:
      return "attach";
    case WorkloadKind::reattach:
      return "reattach";
    case WorkloadKind::hostile_front:
      return "hostile-front";
    case WorkloadKind::hostile_back:
      return "hostile-back";
    case WorkloadKind::two_fronts:
      return "two-fronts";
    case WorkloadKind::scenario:
      return "scenario";
    case WorkloadKind::test:
      return "test";
  }
  return "?";
}

RingProgram::RingProgram(const ring_check_ring& ring, std::span<std::byte> page, RingState state,
                         Workload workload)
    : ring_(&ring), page_(page), state_(std::move(state)), workload_(workload) {}

Result<> RingProgram::prepare() {
  if (workload_.kind != WorkloadKind::scenario)
    habits_ = habits_of(*ring_, page_.data(), [&] { state_.restore(); });
  std::fill(page_.begin(), page_.end(), std::byte{0});
  state_.restore();
  Verdict verdict;
  const CheckServicesScope scope(verdict);
  try {
    return attach_and_fill();
  } catch (const CheckFailed& broken) {
    return Error{EPROTO, "a ring cannot be checked", ring_->name, broken.why, "during its setup"};
  }
}

Result<> RingProgram::attach_and_fill() {
  ring_->init(page_.data(), workload_.start);
  const auto refused = [&](const char* end) {
    return Error{EPROTO, "a ring cannot be checked", ring_->name,
                 fmt::format("{} refuses a page that init() has made", end),
                 fmt::format("start is {}; see ring_check.h", workload_.start)};
  };
  if (workload_.kind != WorkloadKind::attach && workload_.kind != WorkloadKind::scenario) {
    if (ring_->front_attach(page_.data(), workload_.start) < 0) return refused("front_attach()");
    if (ring_->back_attach(page_.data(), workload_.start) < 0) return refused("back_attach()");
  }
  sent_before_ = handled_before_ = 0;
  if (workload_.kind == WorkloadKind::full) {
    if (auto filled = fill(); !filled) return filled;
  }
  to_send_ = sent_before_ + workload_.messages;
  page_at_start_.assign(page_.begin(), page_.end());
  // Fibers 0 and 1 are the fronts, fiber 2 is the back.
  if (workload_.kind == WorkloadKind::two_fronts) {
    own_variables().copy(RING_CHECK_BACK, 2);
    own_variables().copy(RING_CHECK_FRONT, 1);
  }
  state_.take();
  return Done{};
}

void RingProgram::reset() {
  std::memcpy(page_.data(), page_at_start_.data(), page_.size());
  state_.restore();
  sent_ = sent_before_;
  answered_ = handled_ = handled_before_;
  was_full_ = was_empty_ = false;
}

/// One thread passes messages one by one until each slot was used, and then fills the ring.
Result<> RingProgram::fill() {
  const auto wrong = [&](std::string why) {
    return Error{EPROTO, "a ring cannot be checked", ring_->name, std::move(why),
                 "one thread filled it; see ring_check.h"};
  };
  const auto again = [&](auto call) {
    int done = call();
    for (std::uint32_t i = 0; done == 0 && i < habits_.refusals; ++i) done = call();
    return done;
  };
  const auto put = [&] {
    const ring_check_item item = request(sent_before_);
    if (again([&] { return ring_->push_req(&item); }) != 1) return false;
    ++sent_before_;
    if (ring_->front_publish != nullptr) ring_->front_publish();
    return true;
  };
  for (std::uint32_t i = 0; i <= ring_->slots; ++i) {
    ring_check_item item{};
    if (!put() || again([&] { return ring_->pop_req(&item); }) != 1)
      return wrong(fmt::format("message {} does not pass through an empty ring", i + 1));
    ++handled_before_;
    if (!can(RING_CHECK_RESPONSES)) continue;
    item = response(i);
    if (again([&] { return ring_->push_rsp(&item); }) != 1)
      return wrong(fmt::format("there is no room for response {}", i + 1));
    if (ring_->back_publish != nullptr) ring_->back_publish();
    if (again([&] { return ring_->pop_rsp(&item); }) != 1)
      return wrong(fmt::format("response {} does not arrive", i + 1));
  }
  for (std::uint32_t i = 0; (!habits_.push_waits || i < habits_.holds) && put(); ++i) {
    if (i > fill_factor_max * ring_->slots)
      return wrong(
          fmt::format("it takes {} messages and is not full, although it has {} slots", i, ring_->slots));
  }
  return Done{};
}

std::uint32_t RingProgram::fiber_count() const {
  switch (workload_.kind) {
    case WorkloadKind::exchange:
    case WorkloadKind::full:
    case WorkloadKind::attach:
    case WorkloadKind::reattach:
    case WorkloadKind::hostile_front:
    case WorkloadKind::hostile_back:
      return 2;
    case WorkloadKind::two_fronts:
      return 3;
    case WorkloadKind::test:
      break;
    case WorkloadKind::scenario:
      return std::clamp(ring_->scenarios[workload_.scenario].fiber_count, 1u, fibers_max);
  }
  return 2;
}

std::string RingProgram::fiber_name(std::uint32_t fiber) const {
  switch (workload_.kind) {
    case WorkloadKind::scenario: {
      const char* name = ring_->scenarios[workload_.scenario].fiber_names[fiber];
      return name == nullptr ? fmt::format("fiber {}", fiber) : name;
    }
    case WorkloadKind::two_fronts:
      return std::array{"front A", "front B", "back"}[fiber];
    case WorkloadKind::hostile_front:
      return std::array{"hostile front", "back"}[fiber];
    case WorkloadKind::hostile_back:
      return std::array{"front", "hostile back"}[fiber];
    case WorkloadKind::exchange:
    case WorkloadKind::full:
    case WorkloadKind::attach:
    case WorkloadKind::reattach:
    case WorkloadKind::test:
      break;
  }
  return fiber == 0 ? "front" : "back";
}

bool RingProgram::may_sleep(std::uint32_t fiber) const {
  // The end with a hostile peer may wait forever.
  return (workload_.kind == WorkloadKind::hostile_front && fiber == 1) ||
         (workload_.kind == WorkloadKind::hostile_back && fiber == 0);
}

void RingProgram::run(std::uint32_t fiber) {
  switch (workload_.kind) {
    case WorkloadKind::exchange:
    case WorkloadKind::full:
    case WorkloadKind::reattach:
      return fiber == 0 ? front() : back();
    case WorkloadKind::attach:
      if (fiber == 0) {
        if (ring_->front_attach(page_.data(), workload_.start) < 0) fail("front_attach() refuses");
        return front();
      }
      if (ring_->back_attach(page_.data(), workload_.start) < 0) fail("back_attach() refuses");
      return back();
    case WorkloadKind::hostile_front:
      return fiber == 0 ? attack(RING_CHECK_FRONT) : run_against_hostile_front();
    case WorkloadKind::hostile_back:
      return fiber == 0 ? run_against_hostile_back() : attack(RING_CHECK_BACK);
    case WorkloadKind::two_fronts:
      return fiber == 2 ? take_from_both() : push_as_one_of_two(fiber);
    case WorkloadKind::scenario: {
      own_variables().use(fiber);
      const RingCode code;
      return ring_->scenarios[workload_.scenario].fibers[fiber](page_.data());
    }
    case WorkloadKind::test:
      RS_CHECK(!"a test is no ring");
  }
}

// -- messages

ring_check_item RingProgram::request(std::uint32_t number) const {
  return request_item(*ring_, number + 1);
}

ring_check_item RingProgram::response(std::uint32_t number) const {
  return response_item(*ring_, number + 1);
}

void RingProgram::fail(std::string text) {
  Execution* execution = Execution::current();
  if (execution != nullptr) execution->fail(std::move(text));
  std::abort();
}

void RingProgram::expect(const ring_check_item& got, const ring_check_item& wanted, std::string_view end,
                         std::string_view what, std::uint32_t number) {
  if (got.id == wanted.id && got.length == wanted.length &&
      std::memcmp(got.bytes, wanted.bytes, wanted.length) == 0)
    return;
  fail(fmt::format(
      "the {} takes {} {} as id {} length {} bytes {}, but it was sent as id {} length {} bytes {}", end,
      what, number + 1, got.id, got.length, in_hex(got, ring_->payload_bytes), wanted.id, wanted.length,
      in_hex(wanted, ring_->payload_bytes)));
}

// -- the two ends, as they should be

void RingProgram::push_requests() {
  bool published = true;
  while (sent_ < to_send_) {
    const std::uint32_t outstanding = sent_ - answered_;
    if (habits_.push_waits) {
      // Only this end could make room.
      if (can(RING_CHECK_RESPONSES) && outstanding >= ring_->slots) break;
      was_full_ = was_full_ || sent_ - handled_ >= habits_.holds;
    }
    const ring_check_item item = request(sent_);
    const int pushed = insist([&] { return ring_->push_req(&item); });
    if (pushed < 0) fail(fmt::format("push_req() refuses request {}: it finds the page invalid", sent_ + 1));
    was_full_ = was_full_ || pushed == 0;
    if (!can(RING_CHECK_RESPONSES)) {
      if (pushed == 0) break;
    } else if (pushed == 0) {
      if (outstanding >= ring_->slots) break;
      fail(fmt::format("push_req() reports a full ring with {} of {} slots in use", outstanding,
                       ring_->slots));
    } else if (outstanding >= ring_->slots) {
      fail(fmt::format(
          "push_req() takes request {} while all {} slots hold requests whose responses have not been taken",
          sent_ + 1, ring_->slots));
    }
    ++sent_;
    published = ring_->front_publish == nullptr;
    // The next call may wait for the response to this request.
    if (published ||
        (!habits_.push_waits && !Execution::current()->chooses_deviation(
                                    "the front publishes this request with the next one, or now")))
      continue;
    ring_->front_publish();
    published = true;
  }
  if (!published) ring_->front_publish();
}

bool RingProgram::pop_responses() {
  const std::uint32_t answered_before = answered_;
  // It also asks when all requests so far are answered: another response would be an error.
  for (;;) {
    if (answered_ == to_send_ || (habits_.pop_response_waits && answered_ == sent_)) break;
    Guarded got;
    const int popped = insist([&] { return ring_->pop_rsp(&got.item); });
    if (popped == 0) break;
    if (popped < 0)
      fail(fmt::format("pop_rsp() refuses response {}: it finds the page invalid", answered_ + 1));
    if (answered_ == sent_) fail("pop_rsp() returns a response without a request");
    expect(got.item, response(answered_), "front", "response", answered_);
    ++answered_;
  }
  return answered_ != answered_before;
}

void RingProgram::front() {
  for (;;) {
    push_requests();
    const bool took = can(RING_CHECK_RESPONSES) && pop_responses();
    if (sent_ == to_send_ && (!can(RING_CHECK_RESPONSES) || answered_ == sent_)) return;
    if (took && sent_ < to_send_) continue;
    sleep(RING_CHECK_FRONT);
  }
}

/// The final check, and then sleep.
void RingProgram::sleep(int side) {
  const bool is_front = side == RING_CHECK_FRONT;
  if (can(RING_CHECK_SPINS)) return ring_check_await();
  if ((is_front ? ring_->front_final_check : ring_->back_final_check)() != 0) return;
  ring_check_wait(side);
  const auto woken = is_front ? ring_->front_woken : ring_->back_woken;
  if (woken != nullptr) woken();
}

void RingProgram::back() {
  bool attached_again = workload_.kind != WorkloadKind::reattach;
  for (;;) {
    bool answered = false;
    while (handled_ < to_send_) {
      Guarded got;
      was_empty_ = was_empty_ || (habits_.pop_waits && handled_ == sent_);
      const int popped = insist([&] { return ring_->pop_req(&got.item); });
      was_empty_ = was_empty_ || popped == 0;
      if (popped == 0) break;
      if (popped < 0)
        fail(fmt::format("pop_req() refuses request {}: it finds the page invalid", handled_ + 1));
      expect(got.item, request(handled_), "back", "request", handled_);
      if (!attached_again && ring_check_choose(2, "the back attaches again before it answers this") == 1) {
        attached_again = true;
        // An unpublished response would be repeated after attaching, which is correct.
        if (answered && ring_->back_publish != nullptr) ring_->back_publish();
        answered = false;
        attach_back_again();
        continue;
      }
      if (can(RING_CHECK_RESPONSES)) {
        const ring_check_item item = response(handled_);
        if (insist([&] { return ring_->push_rsp(&item); }) != 1)
          fail(fmt::format("push_rsp() refuses the response to request {}", handled_ + 1));
        answered = true;
        // The next call may wait for a request that this response makes room for.
        if (habits_.pop_waits && ring_->back_publish != nullptr) ring_->back_publish();
      }
      ++handled_;
    }
    if (answered && ring_->back_publish != nullptr) ring_->back_publish();
    if (handled_ == to_send_) return;
    if (!attached_again && ring_check_choose(2, "the back attaches again before it sleeps") == 1) {
      attached_again = true;
      attach_back_again();
      continue;
    }
    sleep(RING_CHECK_BACK);
  }
}

/// Like a back that was killed and restarted: the ring must return requests that were taken and not answered.
void RingProgram::attach_back_again() {
  if (ring_->detach != nullptr) ring_->detach(RING_CHECK_BACK);
  if (ring_->back_attach(page_.data(), workload_.start) < 0)
    fail("back_attach() refuses a page that is in use");
}

// -- in the end

std::string RingProgram::judge() {
  if (workload_.kind != WorkloadKind::scenario) return {};
  const auto check = ring_->scenarios[workload_.scenario].check;
  if (check == nullptr) return {};
  Verdict verdict;
  const CheckServicesScope scope(verdict);
  try {
    const RingCode code;
    check(page_.data());
  } catch (const CheckFailed& broken) {
    return broken.why;
  }
  return {};
}

}  // namespace ringside::check
