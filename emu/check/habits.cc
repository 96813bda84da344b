// One thread makes a ring's calls, each on a fiber that it can abandon.
#include "emu/check/habits.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "emu/check/fibers.h"
#include "emu/check/heap.h"
#include "emu/check/pair.h"

namespace ringside::check {

namespace {

/// Only a call that waits accesses memory this often: a message has a few dozen words.
constexpr std::uint32_t looks_max = 100'000;
/// A call that awaits more often waits forever, since no other thread runs.
constexpr std::uint32_t awaits_max = 100;
/// A call that sometimes refuses does so within this many messages.
constexpr std::uint32_t messages_max = 64;
/// A ring may hold more than it promises, but not without a limit.
constexpr std::uint32_t holds_factor_max = 64;

class HabitFinder final : public CheckServices {
 public:
  HabitFinder(const ring_check_ring& ring, std::byte* page, const std::function<void()>& fresh)
      : ring_(&ring), page_(page), fresh_(&fresh), scope_(*this) {}

  [[nodiscard]] Habits habits() {
    Habits found;
    found.refusals = refusals();
    find_waiting_push(found);
    found.pop_waits = waits_when_new(ring_->pop_req);
    found.pop_response_waits = answers() && waits_when_new(ring_->pop_rsp);
    return found;
  }

  void notify(int side) override { raised_[side == RING_CHECK_BACK ? 1 : 0] = true; }
  void wait(int side) override {
    bool& raised = raised_[side == RING_CHECK_BACK ? 1 : 0];
    if (!raised) leave();
    raised = false;
  }
  void await() override {
    if (++awaits_ > awaits_max) leave();
  }
  void looked() override {
    if (++looks_ > looks_max) leave();
  }
  [[noreturn]] void fail(const char*) override {
    result_ = -1;
    leave();
    std::abort();
  }
  std::uint32_t choose(std::uint32_t, const char*) override { return 0; }

 private:
  [[nodiscard]] bool answers() const { return (ring_->capabilities & RING_CHECK_RESPONSES) != 0; }

  /// Makes a call on a fiber. Returns nothing if the call waits.
  template <class What>
  std::optional<int> call(What what) {
    const std::function<int()> function = what;
    running_ = &function;
    looks_ = awaits_ = 0;
    result_.reset();
    fibers_.prepare(
        0,
        [](void* prober, std::uint32_t) {
          auto* self = static_cast<HabitFinder*>(prober);
          self->result_ = (*self->running_)();
          self->fibers_.switch_to_main();
        },
        this);
    fibers_.switch_to(0);
    // An abandoned fiber has left the heap active.
    RingHeap::set_active(false);
    return result_;
  }

  /// Abandons the running fiber.
  void leave() {
    if (fibers_.in_fiber()) fibers_.switch_to_main();
  }

  /// Makes a new page with both ends attached. False: it is impossible.
  [[nodiscard]] bool begin() {
    if (*fresh_) (*fresh_)();
    raised_[0] = raised_[1] = false;
    std::memset(page_, 0, ring_->page_bytes);
    return call([&] {
             ring_->init(page_, 0);
             return ring_->front_attach(page_, 0) == 0 && ring_->back_attach(page_, 0) == 0 ? 1 : 0;
           }) == 1;
  }

  void publish(void (*function)()) {
    if (function == nullptr) return;
    static_cast<void>(call([&] {
      function();
      return 1;
    }));
  }

  /// Repeats a call until it succeeds, and updates `most`. False: it never succeeds.
  template <class What>
  bool insist(What what, std::uint32_t& most) {
    for (std::uint32_t refusals = 0; refusals <= Habits::refusals_max; ++refusals) {
      const std::optional<int> done = call(what);
      if (!done || *done < 0) return false;
      if (*done == 0) continue;
      most = std::max(most, refusals);
      return true;
    }
    return false;
  }

  /// The most refusals in a row of messages that pass one by one through an empty ring.
  [[nodiscard]] std::uint32_t refusals() {
    std::uint32_t most = 0;
    if (!begin()) return 0;
    for (std::uint32_t i = 1; i <= std::min(2 * ring_->slots + 2, messages_max); ++i) {
      const ring_check_item request = request_item(*ring_, i);
      const ring_check_item response = response_item(*ring_, i);
      ring_check_item item{};
      if (!insist([&] { return ring_->push_req(&request); }, most)) return 0;
      publish(ring_->front_publish);
      if (!insist([&] { return ring_->pop_req(&item); }, most)) return 0;
      if (!answers()) continue;
      if (!insist([&] { return ring_->push_rsp(&response); }, most)) return 0;
      publish(ring_->back_publish);
      if (!insist([&] { return ring_->pop_rsp(&item); }, most)) return 0;
    }
    return most;
  }

  void find_waiting_push(Habits& found) {
    if (!begin()) return;
    std::uint32_t refused = 0;
    for (std::uint32_t holds = 0; holds <= holds_factor_max * ring_->slots && refused <= found.refusals;) {
      const ring_check_item request = request_item(*ring_, holds + 1);
      const std::optional<int> done = call([&] { return ring_->push_req(&request); });
      if (!done) {
        // A call that waits although there is room is broken.
        found.push_waits = holds >= ring_->slots;
        found.holds = holds;
        return;
      }
      if (*done < 0) return;
      refused = *done == 0 ? refused + 1 : 0;
      holds += *done == 0 ? 0 : 1;
      publish(ring_->front_publish);
    }
  }

  [[nodiscard]] bool waits_when_new(int (*pop)(ring_check_item*)) {
    ring_check_item item{};
    return begin() && !call([&] { return pop(&item); });
  }

  const ring_check_ring* ring_;
  std::byte* page_;
  const std::function<void()>* fresh_;
  CheckServicesScope scope_;
  Fibers fibers_;
  const std::function<int()>* running_ = nullptr;
  std::optional<int> result_;
  bool raised_[2] = {false, false};
  std::uint32_t looks_ = 0;
  std::uint32_t awaits_ = 0;
};

}  // namespace

std::string text_of(const Habits& habits) {
  std::string text;
  const auto say = [&](bool holds, const std::string& what) {
    if (holds) text += (text.empty() ? "" : ", ") + what;
  };
  say(habits.push_waits, "push_req waits for room");
  say(habits.pop_waits, "pop_req waits for a request");
  say(habits.pop_response_waits, "pop_rsp waits for a response");
  say(habits.refusals != 0,
      fmt::format(
          "a call that could be done refuses up to {} time{} in a row, so that its caller has to try again",
          habits.refusals, habits.refusals == 1 ? "" : "s"));
  return text;
}

Habits habits_of(const ring_check_ring& ring, std::byte* page, const std::function<void()>& fresh) {
  return HabitFinder(ring, page, fresh).habits();
}

}  // namespace ringside::check
