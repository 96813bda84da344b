// One execution of a program under a model: fibers that announce each operation, the state that the
// operations need beside the page (events, choices), and a driver who says what comes next.
//
// A fiber runs until it announces its next operation; that one happens when the driver picks the fiber.
// Announcements are made on the fiber's own stack and the driver is asked there, so that a fiber which goes
// on costs no switch. One execution at a time in a process may listen to the compiler's callbacks (see
// tsan_abi.cc).
#pragma once

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "emu/check/fibers.h"
#include "emu/check/ledger.h"
#include "emu/check/model.h"

namespace ringside::check {

class History;
enum class OperationKind : std::uint8_t;

/// What is executed. `reset` puts everything but the page back; `run` is what fiber `fiber` does.
class Program {
 public:
  virtual ~Program() = default;
  /// Once, before anything is executed.
  [[nodiscard]] virtual Result<> prepare() { return Done{}; }
  [[nodiscard]] virtual std::uint32_t fiber_count() const = 0;
  /// Makes the space as every execution begins.
  virtual void reset() = 0;
  virtual void run(std::uint32_t fiber) = 0;
  /// Somebody spins (ring_check_await).
  [[nodiscard]] virtual bool spins() const { return false; }
  /// True: judge() looks at the space, which is to hold the newest values.
  [[nodiscard]] virtual bool judges_memory() const { return false; }
  /// After all fibers have ended: what is wrong with what came out, or nothing.
  [[nodiscard]] virtual std::string judge() { return {}; }
  /// True: it is no failure if this fiber sleeps for ever.
  [[nodiscard]] virtual bool may_sleep(std::uint32_t) const { return false; }
  /// As reports call it, after "the".
  [[nodiscard]] virtual std::string fiber_name(std::uint32_t fiber) const {
    return fmt::format("thread {}", fiber + 1);
  }
  /// Where its operations are recorded; null: nowhere.
  [[nodiscard]] virtual History* history() { return nullptr; }
  /// What the code keeps, as an execution begins, if memory is to change by announced stores only (ledger.h);
  /// null: that is not looked at.
  [[nodiscard]] virtual const RingState* state_to_keep() const { return nullptr; }
};

class Execution;

struct Decision {
  static constexpr std::uint32_t stop = actors_max;
  std::uint32_t actor = stop;
  std::uint32_t option = 0;
};

/// What was picked at each step; enough to have the same execution again.
using Schedule = std::vector<Decision>;

/// Decides what happens next. Called on whatever stack runs: it must not switch fibers.
class Driver {
 public:
  virtual ~Driver() = default;
  virtual Decision pick(const Execution& execution) = 0;
};

/// Told of each step when it is over, for reports.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void happened(const Execution& execution, std::uint32_t actor, const Op& op, std::uint32_t option,
                        std::uint32_t options) = 0;
};

enum class End : std::uint8_t {
  complete,
  deadlock,  ///< all that have not ended wait
  failed,    ///< by ring_check_fail, or the program's judgement
  race,
  endless,    ///< more steps than any ring needs
  abandoned,  ///< the driver wanted no more of it
};

class Execution {
 public:
  /// More than this is no ring's work any more.
  static constexpr std::uint32_t steps_max = 60000;

  Execution(Space& space, Model& model, Program& program);

  [[nodiscard]] End run(Driver& driver, Observer* observer = nullptr);
  /// Why it failed.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  /// Ended by refuse(), or by a store that was not announced: there is no verdict.
  [[nodiscard]] bool is_refused() const { return is_refused_; }
  /// Where such a store went; null: there was none.
  [[nodiscard]] const std::byte* changed_unseen() const { return ledger_.changed(); }

  // -- for drivers and observers
  [[nodiscard]] const Space& space() const { return *space_; }
  [[nodiscard]] const Model& model() const { return *model_; }
  [[nodiscard]] std::uint32_t fiber_count() const { return fiber_count_; }
  /// Who can go on, a bit each.
  [[nodiscard]] std::uint32_t enabled() const { return enabled_; }
  [[nodiscard]] std::uint32_t finished() const { return finished_; }
  /// What `actor` does next. Only of actors that are enabled or blocked.
  [[nodiscard]] const Op& op(std::uint32_t actor) const { return next_[actor]; }
  [[nodiscard]] bool is_raised(std::uint32_t side) const { return raised_[side]; }
  [[nodiscard]] std::uint32_t steps() const { return steps_; }
  [[nodiscard]] std::uint32_t steps_of(std::uint32_t actor) const { return numbers_[actor]; }

  // -- for what runs on a fiber
  /// The execution that the running fiber belongs to; null outside of one.
  [[nodiscard]] static Execution* current() {
    return running_ != nullptr && running_->fibers_.in_fiber() ? running_ : nullptr;
  }
  /// Tells what comes next, and comes back when it is to happen. What a choice yields is returned.
  std::uint32_t announce(const Op& op);
  /// The running fiber is about to do a weak compare-exchange: does it fail without a reason? Both are tried,
  /// until one of the fiber's has failed so: a loop would do so for ever.
  [[nodiscard]] bool fails_spuriously(const void* code);
  /// One of the running fiber's has.
  [[nodiscard]] bool has_failed_spuriously() const { return has_failed_spuriously_[fibers_.current()]; }
  /// A choice of the running fiber that is no part of the plain order: both are tried, and true is a
  /// deviation.
  [[nodiscard]] bool deviates(const char* why);
  /// The running fiber calls a function of the ring: what it looked at before has nothing to do with that.
  void begin_call() { looks_[fibers_.current()] = {}; }
  /// Ends the execution. Does not return.
  [[noreturn]] void fail(std::string text);
  /// The same, and it is no fault of the ring: it cannot be explored as it is.
  [[noreturn]] void refuse(std::string text);
  /// The running fiber begins, and has ended, an operation that is recorded (see history.h).
  void begin_operation(OperationKind kind, std::uint64_t value, const void* code);
  void end_operation(int outcome, std::uint64_t value, const void* code);
  [[nodiscard]] std::uint32_t fiber() const { return fibers_.current(); }
  [[nodiscard]] Fibers& fibers() { return fibers_; }
  /// For a block that the running fiber copies; a fiber that is given up frees nothing.
  [[nodiscard]] std::byte* block(std::size_t bytes) {
    std::vector<std::byte>& block = blocks_[fibers_.current()];
    block.resize(bytes);
    return block.data();
  }
  /// Steps over all executions.
  [[nodiscard]] std::uint64_t steps_in_all() const { return steps_in_all_; }
  /// What the driver has picked in this execution.
  [[nodiscard]] const Schedule& so_far() const { return so_far_; }
  /// Where accesses beside the space are told; null: nowhere, and each fiber's memory is taken for its own.
  void watch_elsewhere(Elsewhere* elsewhere) { elsewhere_ = elsewhere; }
  /// Loads of loops that wait by looking: where a fiber is about to look again at what it has just looked at,
  /// it waits as by ring_check_await().
  void wait_at(std::vector<const void*> loads);
  /// A fiber did nothing but look, without an end, and this load does not wait yet: what was explored so far
  /// is worth nothing. Null: none did.
  [[nodiscard]] const void* found_wait() const { return found_wait_; }
  /// The running fiber has told of just that access before, so that it tells nothing new.
  [[nodiscard]] bool is_noted(const void* address, std::size_t size, bool writes, bool is_atomic) {
    const Noted access{address, static_cast<std::uint32_t>(size), fibers_.current(), writes, is_atomic};
    if (noted(address) != access) return false;
    ++accesses_elsewhere_;
    return true;
  }
  /// An access that is not in the space, or one by an atomic operation to what is no word yet.
  void note_elsewhere(const void* address, std::size_t size, bool writes, bool is_atomic);
  /// The running fiber takes or leaves an end: variables that it sets beside the page are its own, though
  /// both ends set the same ones here (where the page is, say).
  void set_attaching(bool attaching) { attaching_[fibers_.current()] = attaching; }
  /// A store is announced, or the heap keeps something there.
  void note_written(const void* address, std::size_t size) {
    if (kept_ == nullptr) return;
    const CheckerCode checker;
    ledger_.written(address, size);
  }
  /// An atomic operation on what is in the space and no word.
  void note_word(const void* address, std::size_t size) {
    if (elsewhere_ != nullptr) elsewhere_->touched_shared(address, size, true);
  }
  /// The running fiber is about to access this memory, in the space or not.
  void note_announced(const void* address, std::size_t size, OpKind kind) {
    auto& [last, before] = announced_[fibers_.current()];
    before = last;
    last = {{static_cast<const std::byte*>(address), size}, kind};
    ++announcements_;
  }
  /// What the running fiber has announced last allows that access; a copy announces two at once.
  [[nodiscard]] bool is_announced(const std::byte* address, bool writes) const {
    const auto& both = announced_[fibers_.current()];
    return std::any_of(both.begin(), both.end(), [&](const Announced& each) {
      return static_cast<std::size_t>(address - each.range.begin) < each.range.bytes &&
             each.kind != (writes ? OpKind::load : OpKind::store);
    });
  }
  /// By all fibers, over all executions.
  [[nodiscard]] std::uint64_t announcements() const { return announcements_; }
  /// More memory is shared than the space knows: what was explored so far is worth nothing.
  [[nodiscard]] bool has_found_memory() const { return elsewhere_ != nullptr && elsewhere_->has_news(); }
  /// Accesses that the code has made to the space, and beside it, over all executions.
  [[nodiscard]] std::uint64_t accesses() const { return accesses_; }
  [[nodiscard]] std::uint64_t accesses_elsewhere() const { return accesses_elsewhere_; }

 private:
  static void enter(void* execution, std::uint32_t fiber);
  std::uint32_t announce_one(const Op& op);
  [[nodiscard]] bool looks_again(const Op& op);
  void find_wait();
  void announce_load_in_pieces(const Op& op);
  void announce_store_in_pieces();
  void keep(const Op& op, std::vector<std::byte>& to) const;
  void put(const Op& op, const std::vector<std::byte>& from) const;
  void finish_access(std::uint32_t fiber);
  void schedule();
  void find_enabled();
  [[nodiscard]] bool can_go_on(std::uint32_t fiber) const;
  void perform(std::uint32_t actor, std::uint32_t option);
  void leave(End how);
  void leave_for_change();
  void judge();
  [[nodiscard]] bool all_rest() const;
  void flush(std::uint32_t actor);
  void count(std::uint32_t actor);
  void told(std::uint32_t actor);
  /// Keeps a text for an operation's `why` as long as this lives. Without an observer it is "".
  [[nodiscard]] const char* kept(std::string text);

  /// An access that is made in pieces (Space::is_in_pieces), each a step. The code makes it at once: a load
  /// when all pieces are there, a store before the first of them. `bytes` is what the space holds but for it.
  struct InPieces {
    Op op;
    bool is_pending = false;
    std::vector<std::byte> bytes;
    std::vector<std::byte> found;  ///< by a load so far; of a store: what it writes
  };

  /// What a fiber has done since it last did anything but look: accesses that write nothing, and fences.
  struct Looks {
    static constexpr std::size_t waiting_max = 8;
    std::uint32_t count = 0;
    const void* last = nullptr;
    /// Of those that wait: where, and in how many places.
    std::array<std::pair<const void*, std::uint32_t>, waiting_max> waiting = {};
    std::size_t waiting_count = 0;
  };

  /// An access beside the space.
  struct Noted {
    const void* address = nullptr;
    std::uint32_t size = 0;
    std::uint32_t fiber = 0;
    bool writes = false;
    bool is_atomic = false;
    bool operator==(const Noted&) const = default;
  };
  static constexpr std::size_t noted_max = 512;
  [[nodiscard]] Noted& noted(const void* address) {
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    return noted_[(at ^ at >> 9 ^ fibers_.current()) % noted_max];
  }

  // The compiler's callbacks carry no context.
  static inline Execution* running_ = nullptr;
  std::array<Noted, noted_max> noted_;  ///< over all executions

  Space* space_;
  Model* model_;
  Program* program_;
  std::array<InPieces, fibers_max> in_pieces_;
  std::array<std::vector<std::byte>, fibers_max> blocks_;
  Fibers fibers_;
  Elsewhere* elsewhere_ = nullptr;
  const RingState* kept_ = nullptr;
  Ledger ledger_;
  struct Announced {
    MemoryRange range;
    OpKind kind = OpKind::load;
  };
  std::array<std::array<Announced, 2>, fibers_max> announced_ = {};
  std::uint64_t announcements_ = 0;
  std::array<bool, fibers_max> attaching_ = {};
  std::array<bool, fibers_max> has_failed_spuriously_ = {};
  std::array<Looks, fibers_max> looks_ = {};
  std::vector<const void*> waits_at_;
  const void* found_wait_ = nullptr;
  Driver* driver_ = nullptr;
  Observer* observer_ = nullptr;
  std::string failure_;
  End end_ = End::complete;
  bool is_refused_ = false;
  bool starting_ = false;
  bool spins_ = false;
  std::uint32_t fiber_count_ = 0;
  std::uint32_t enabled_ = 0;
  std::uint32_t finished_ = 0;
  std::uint32_t steps_ = 0;
  std::array<Op, actors_max> next_ = {};
  std::array<std::uint32_t, actors_max> numbers_ = {};
  std::array<bool, fibers_max> in_access_ = {};
  std::array<std::uint32_t, fibers_max> option_ = {};
  std::array<std::uint32_t, fibers_max> options_ = {};
  std::array<bool, 2> raised_ = {};
  std::uint32_t changes_ = 0;
  std::array<std::uint32_t, fibers_max> own_changes_ = {};
  std::array<std::uint32_t, fibers_max> changes_seen_ = {};
  std::uint64_t accesses_ = 0;
  std::uint64_t accesses_elsewhere_ = 0;
  std::uint64_t steps_in_all_ = 0;
  Schedule so_far_;
  /// Of each fiber: how many operations it has ended and recorded; under C11 by which of its steps.
  std::array<std::uint8_t, fibers_max> operation_counts_ = {};
  std::array<std::vector<std::uint32_t>, fibers_max> operation_ends_;
  std::set<std::string> texts_;
};

}  // namespace ringside::check
