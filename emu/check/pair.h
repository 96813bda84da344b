// The two ends of a plug-in's ring on one page, driven by one thread: it sends numbered messages and compares
// the received ones at once. It is the oracle of the conformance suite and of the long runs.
//
// Errors are thrown as CheckFailed. The caller must survive a crash or an endless loop in ring code.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "emu/check/check_services.h"
#include "emu/check/habits.h"
#include "emu/check/include/ringside/ring_check.h"

namespace ringside::check {

/// A ring, and the function that restores its state after loading.
struct Subject {
  const ring_check_ring* ring = nullptr;
  std::function<void()> fresh = nullptr;  ///< restores the plug-in's variables; null: attaching is enough
  Habits habits = {};

  /// The same with the habits that the ring has.
  [[nodiscard]] Subject with_habits() const;
};

/// The message of a number. Requests and responses differ in every byte.
[[nodiscard]] ring_check_item request_item(const ring_check_ring& ring, std::uint32_t number);
[[nodiscard]] ring_check_item response_item(const ring_check_ring& ring, std::uint32_t number);

class Pair final : public CheckServices {
 public:
  /// Which ends are attached to the page after init().
  enum class Attach : std::uint8_t { both, front, none };
  Pair(const Subject& subject, std::uint32_t start, Attach attach = Attach::both);

  [[nodiscard]] bool can(ring_check_capability capability) const {
    return (ring_->capabilities & capability) != 0;
  }
  [[nodiscard]] const ring_check_ring& ring() const { return *ring_; }
  [[nodiscard]] const Habits& habits() const { return habits_; }
  /// The shared page without its surroundings.
  [[nodiscard]] std::byte* page() { return memory_.data() + page_at_; }
  void attach_front();
  void attach_back();

  // A call that may refuse without a reason is repeated, and a call that would wait is not made.

  /// Sends the next request; false: there was no room.
  bool put(bool published = true);
  void publish_requests();
  /// Takes the oldest published request; false: there is none.
  bool take();
  /// Answers the oldest request that was taken and is unanswered; false: there was no room.
  bool answer(bool published = true);
  void publish_responses();
  /// Takes the oldest request without a comparison. Does not count it.
  bool take_unchecked(ring_check_item& item);
  /// Sends a response that the caller has made. Does not count it.
  bool answer_with(const ring_check_item& item);
  bool take_response();

  /// The final check of an end without work, then sleep. True: it sleeps.
  bool sleep(ring_check_side side);
  /// Ends the sleep if there was an event. True: it is awake.
  bool wake(ring_check_side side);

  /// The last request found no room.
  [[nodiscard]] bool was_refused() const { return wants_room_; }
  [[nodiscard]] std::size_t unanswered() const { return taken_.size(); }
  [[nodiscard]] std::uint32_t put_count() const { return next_ - 1; }

  /// Checks that no byte outside the page was written.
  void check_surroundings() const;

  void notify(int side) override;
  void wait(int side) override;
  void await() override {}
  [[noreturn]] void fail(const char* text) override {
    throw CheckFailed{std::string("ring_check_fail: ") + text};
  }
  std::uint32_t choose(std::uint32_t, const char*) override { return 0; }

 private:
  void check_awake(ring_check_side side) const;
  template <class Call>
  [[nodiscard]] int insist(Call call, bool can_be_done) const;
  [[nodiscard]] bool has_room() const {
    return put_.size() + taken_.size() + responses_.size() < ring_->slots;
  }

  const ring_check_ring* ring_;
  Habits habits_;
  std::vector<std::byte> memory_;  ///< the page, and watched bytes around it
  std::size_t page_at_ = 0;
  CheckServicesScope scope_;
  std::deque<std::uint32_t> put_;        ///< requests not taken, published or not
  std::deque<std::uint32_t> taken_;      ///< not answered
  std::deque<std::uint32_t> responses_;  ///< not taken, published or not
  std::size_t published_ = 0;
  std::size_t responses_published_ = 0;
  std::uint32_t next_ = 1;
  bool wants_room_ = false;  ///< the last request was refused
  std::array<bool, 2> raised_{};
  std::array<bool, 2> asleep_{};
};

}  // namespace ringside::check
