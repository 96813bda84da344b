// The programs that the checker runs on a ring, and their expected results: a front that sends messages and
// takes their responses, and a back that answers, each on a fiber of its own. An end sleeps if its final
// check found nothing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "emu/base/check.h"
#include "emu/check/execution.h"
#include "emu/check/habits.h"
#include "emu/check/include/ringside/ring_check.h"
#include "emu/check/state.h"

namespace ringside::check {

/// What a workload tries; each kind has its own conditions.
enum class WorkloadKind : std::uint8_t {
  exchange,       ///< both ends are correct; every message arrives once, in order, and is answered
  full,           ///< the same in a ring that has used all its slots and is full at the beginning
  attach,         ///< the ends attach while the other one is already running
  reattach,       ///< an end detaches and attaches again while messages are outstanding
  hostile_front,  ///< the front writes any values into the page
  hostile_back,
  two_fronts,  ///< two threads use one front
  scenario,    ///< a program of the plug-in
  test,        ///< threads without a ring (test_program.h)
};

[[nodiscard]] std::string_view name_of(WorkloadKind kind);

struct Workload {
  WorkloadKind kind = WorkloadKind::exchange;
  std::uint32_t messages = 3;  ///< that the front sends
  std::uint32_t start = 0;     ///< where the indices begin
  std::uint32_t scenario = 0;  ///< the index of the plug-in's scenario, or of its test
};

/// An item with a guard after it, for rings that write beyond the item.
struct Guarded {
  static constexpr std::uint8_t untouched = 0xee;
  ring_check_item item;
  std::uint8_t guard[128];

  Guarded() {
    std::memset(&item, untouched, sizeof item);
    std::memset(guard, untouched, sizeof guard);
  }
  [[nodiscard]] bool overrun() const {
    return std::any_of(std::begin(guard), std::end(guard),
                       [](std::uint8_t byte) { return byte != untouched; });
  }
};

class RingProgram final : public Program {
 public:
  /// `page` is zeroed and must stay valid; `state` is the ring's other state after loading.
  RingProgram(const ring_check_ring& ring, std::span<std::byte> page, RingState state, Workload workload);

  /// Makes the page and attaches both ends, unless the workload does that. Fails if the ring refuses its own
  /// page.
  [[nodiscard]] Result<> prepare() override;

  [[nodiscard]] std::uint32_t fiber_count() const override;
  void reset() override;
  void run(std::uint32_t fiber) override;
  /// Two fronts may spin on a lock, and a scenario may spin.
  [[nodiscard]] bool spins() const override {
    return can(RING_CHECK_SPINS) || workload_.kind == WorkloadKind::two_fronts ||
           workload_.kind == WorkloadKind::scenario;
  }
  [[nodiscard]] bool judges_memory() const override { return workload_.kind == WorkloadKind::scenario; }
  [[nodiscard]] std::string judge() override;
  [[nodiscard]] bool may_sleep(std::uint32_t fiber) const override;

  [[nodiscard]] std::string fiber_name(std::uint32_t fiber) const override;
  /// In the last execution: a push found no room, a pop found nothing.
  [[nodiscard]] bool was_full() const { return was_full_; }
  [[nodiscard]] bool was_empty() const { return was_empty_; }
  [[nodiscard]] std::span<std::byte> page() const { return page_; }

 private:
  [[nodiscard]] bool can(std::uint32_t capability) const { return (ring_->capabilities & capability) != 0; }
  [[nodiscard]] ring_check_item request(std::uint32_t number) const;
  [[nodiscard]] ring_check_item response(std::uint32_t number) const;
  void expect(const ring_check_item& got, const ring_check_item& wanted, std::string_view end,
              std::string_view what, std::uint32_t number);
  [[noreturn]] static void fail(std::string text);

  /// A call of the ring, repeated as a caller with knowledge of the ring's habits does.
  template <class Call>
  [[nodiscard]] int insist(Call call) {
    return insist(call, habits_.refusals);
  }
  template <class Call>
  [[nodiscard]] static int insist(Call call, std::uint32_t refusals) {
    Execution* execution = Execution::current();
    for (;;) {
      const bool had_failed = execution->has_failed_spuriously();
      execution->begin_call();
      const int done = call();
      if (done != 0 || (refusals == 0 && execution->has_failed_spuriously() == had_failed)) return done;
      refusals -= refusals == 0 ? 0 : 1;
    }
  }

  [[nodiscard]] Result<> attach_and_fill();
  [[nodiscard]] Result<> fill();
  void front();
  void back();
  void push_requests();
  bool pop_responses();
  void sleep(int side);
  void attach_back_again();

  void attack(int side);
  void write_hostile_word(const ring_check_word& word);
  void write_hostile_slot(std::uint32_t slot, int byte);
  void run_against_hostile_front();
  void run_against_hostile_back();
  void check_taken(const Guarded& got, std::string_view what);

  void push_as_one_of_two(std::uint32_t which);
  void take_from_both();

  const ring_check_ring* ring_;
  std::span<std::byte> page_;
  RingState state_;
  Workload workload_;
  Habits habits_;
  std::vector<std::byte> page_at_start_;
  /// Requests that were sent, and requests that were taken and answered, before the execution begins.
  std::uint32_t sent_before_ = 0;
  std::uint32_t handled_before_ = 0;
  std::uint32_t to_send_ = 0;  ///< the total, including those
  std::uint32_t sent_ = 0;
  std::uint32_t answered_ = 0;  ///< responses taken by the front
  std::uint32_t handled_ = 0;   ///< requests taken by the back
  bool was_full_ = false;
  bool was_empty_ = false;
};

}  // namespace ringside::check
