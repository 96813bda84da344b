// One execution of a program under a model: fibers that announce each operation, the state that the
// operations need beside the page (events, choices), and a driver that picks the next step.
//
// A fiber runs until it announces its next operation; that operation happens when the driver picks the fiber.
// Announcements are made on the fiber's own stack, and the driver is asked there, so that a fiber that
// continues costs no switch. One execution at a time in a process receives the compiler's callbacks (see
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
#include "emu/check/waiting.h"

namespace ringside::check {

class History;
enum class OperationKind : std::uint8_t;

/// What is executed. `reset` restores everything but the page; `run` is the work of fiber `fiber`.
class Program {
 public:
  virtual ~Program() = default;
  /// Once, before anything is executed.
  [[nodiscard]] virtual Result<> prepare() { return Done{}; }
  [[nodiscard]] virtual std::uint32_t fiber_count() const = 0;
  /// Sets the space to the state in which every execution begins.
  virtual void reset() = 0;
  virtual void run(std::uint32_t fiber) = 0;
  /// True: a fiber may wait with ring_check_await().
  [[nodiscard]] virtual bool spins() const { return false; }
  /// True: judge() reads the space, which must hold the newest values.
  [[nodiscard]] virtual bool judges_memory() const { return false; }
  /// After all fibers have ended: the error of the result, or "".
  [[nodiscard]] virtual std::string judge() { return {}; }
  /// True: this fiber may sleep forever without a failure.
  [[nodiscard]] virtual bool may_sleep(std::uint32_t) const { return false; }
  /// Its name in reports, after "the".
  [[nodiscard]] virtual std::string fiber_name(std::uint32_t fiber) const {
    return fmt::format("thread {}", fiber + 1);
  }
  /// Where its operations are recorded; null: they are not.
  [[nodiscard]] virtual History* history() { return nullptr; }
  /// The state of the code as an execution begins, if memory must change by announced stores only (ledger.h);
  /// null: this is not checked.
  [[nodiscard]] virtual const RingState* state_to_keep() const { return nullptr; }
};

class Execution;

struct Decision {
  static constexpr std::uint32_t stop = actors_max;
  std::uint32_t actor = stop;
  std::uint32_t option = 0;
};

/// The decision at each step; enough to repeat the execution.
using Schedule = std::vector<Decision>;

/// Picks the next step. Called on the running stack: it must not switch fibers.
class Driver {
 public:
  virtual ~Driver() = default;
  virtual Decision pick(const Execution& execution) = 0;
};

/// Receives each step after it has happened, for reports.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void happened(const Execution& execution, std::uint32_t actor, const Op& op, std::uint32_t option,
                        std::uint32_t options) = 0;
};

enum class End : std::uint8_t {
  complete,
  deadlock,  ///< all fibers that have not ended wait
  failed,    ///< by ring_check_fail, or the program's judgement
  race,
  endless,    ///< more steps than any ring needs
  abandoned,  ///< the driver stopped it
};

class Execution {
 public:
  /// The most steps of one execution: more is an endless loop.
  static constexpr std::uint32_t steps_max = 60000;

  Execution(Space& space, Model& model, Program& program);

  [[nodiscard]] End run(Driver& driver, Observer* observer = nullptr);
  /// Why it failed.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  /// Ended by refuse(), or by an unannounced store: there is no verdict.
  [[nodiscard]] bool is_refused() const { return is_refused_; }
  /// The address of such a store; null: there was none.
  [[nodiscard]] const std::byte* changed_unseen() const { return ledger_.changed(); }

  // -- for drivers and observers
  [[nodiscard]] const Space& space() const { return *space_; }
  [[nodiscard]] const Model& model() const { return *model_; }
  [[nodiscard]] std::uint32_t fiber_count() const { return fiber_count_; }
  /// The actors that can continue, a bit each.
  [[nodiscard]] std::uint32_t enabled() const { return enabled_; }
  [[nodiscard]] std::uint32_t finished() const { return finished_; }
  /// The next operation of `actor`, which must be enabled or blocked.
  [[nodiscard]] const Op& op(std::uint32_t actor) const { return next_[actor]; }
  [[nodiscard]] bool is_raised(std::uint32_t side) const { return raised_[side]; }
  [[nodiscard]] std::uint32_t steps() const { return steps_; }
  [[nodiscard]] std::uint32_t steps_of(std::uint32_t actor) const { return numbers_[actor]; }

  // -- for code that runs on a fiber
  /// The execution that the running fiber belongs to; null outside of one.
  [[nodiscard]] static Execution* current() {
    return running_ != nullptr && running_->fibers_.in_fiber() ? running_ : nullptr;
  }
  /// Announces the next operation, and returns when it happens, with the result of a choice.
  std::uint32_t announce(const Op& op);
  /// The running fiber is about to make a weak compare-exchange. True: it fails without a reason. Both
  /// outcomes are tried until one compare-exchange of this fiber has failed so: otherwise a loop would never
  /// end.
  [[nodiscard]] bool fails_spuriously(const void* code);
  /// One of the running fiber's compare-exchanges has failed so.
  [[nodiscard]] bool has_failed_spuriously() const { return has_failed_spuriously_[fibers_.current()]; }
  /// A choice of the running fiber outside the plain order: both ways are tried, and true is a deviation.
  [[nodiscard]] bool chooses_deviation(const char* why);
  /// The running fiber calls a function of the ring: earlier loads do not count as waiting any more.
  void begin_call() { looks_[fibers_.current()].clear(); }
  /// Ends the execution as failed. Does not return.
  [[noreturn]] void fail(std::string text);
  /// The same for a ring that has no known error but cannot be explored.
  [[noreturn]] void refuse(std::string text);
  /// The running fiber begins, and has ended, an operation that is recorded (see history.h).
  void begin_operation(OperationKind kind, std::uint64_t value, const void* code);
  void end_operation(int outcome, std::uint64_t value, const void* code);
  [[nodiscard]] std::uint32_t fiber() const { return fibers_.current(); }
  [[nodiscard]] Fibers& fibers() { return fibers_; }
  /// Memory for a block that the running fiber copies; an abandoned fiber frees nothing.
  [[nodiscard]] std::byte* block(std::size_t bytes) {
    std::vector<std::byte>& block = blocks_[fibers_.current()];
    block.resize(bytes);
    return block.data();
  }
  /// Steps over all executions.
  [[nodiscard]] std::uint64_t steps_in_all() const { return steps_in_all_; }
  /// The decisions of the driver in this execution.
  [[nodiscard]] const Schedule& so_far() const { return so_far_; }
  /// Receives accesses outside the space; null: they are ignored, and each fiber's memory counts as private.
  void record_shared_memory(SharedMemory* shared_memory) { shared_memory_ = shared_memory; }
  /// Loads of loops that wait by loading: where a fiber is about to repeat a load, it waits as in
  /// ring_check_await().
  void wait_at(std::vector<const void*> loads);
  /// A load that a fiber repeated without an end and that is not in wait_at() yet: the exploration so far is
  /// invalid. Null: there is none.
  [[nodiscard]] const void* found_wait() const { return found_wait_; }
  /// False: fibers that wait with ring_check_await() continue after any store.
  void wait_exactly(bool is_exact) { waits_exactly_ = is_exact; }
  /// Loops that wait do not repeat the same, so that the exploration so far is invalid (see waiting.h).
  [[nodiscard]] bool has_found_effects() const { return waiting_.has_effects(); }
  /// Of `actor`, which is at an await: how many changes have ended the wait, at most 2; and the steps of the
  /// first ones (see waiting.h).
  [[nodiscard]] std::uint32_t changes_for(std::uint32_t actor) const {
    return waiting_.changes(actor, next_[actor]);
  }
  [[nodiscard]] std::array<std::uint32_t, watched_max> first_changes_for(std::uint32_t actor) const {
    return waiting_.first_changes(actor, next_[actor]);
  }
  /// The running fiber has reported the same access before, so that this one adds nothing.
  [[nodiscard]] bool is_noted(const void* address, std::size_t size, bool writes, bool is_atomic) {
    const Noted access{address, static_cast<std::uint32_t>(size), fibers_.current(), writes, is_atomic};
    if (noted(address) != access) return false;
    ++accesses_elsewhere_;
    return true;
  }
  /// An access outside the space, or an atomic operation on a place that is not a word yet.
  void note_outside_access(const void* address, std::size_t size, bool writes, bool is_atomic);
  /// The running fiber attaches or detaches an end: variables that it sets outside the page are private,
  /// although both ends set the same ones here (for example the address of the page).
  void set_attaching(bool attaching) { attaching_[fibers_.current()] = attaching; }
  /// A store is announced, or the heap keeps data there.
  void note_written(const void* address, std::size_t size) {
    if (kept_ == nullptr) return;
    const CheckerCode checker;
    ledger_.written(address, size);
  }
  /// An atomic operation on a place in the space that is not a word.
  void note_word(const void* address, std::size_t size) {
    if (shared_memory_ != nullptr) shared_memory_->touched_shared(address, size, true);
  }
  /// The running fiber is about to access this memory, in the space or not.
  void note_announced(const void* address, std::size_t size, OpKind kind) {
    auto& [last, before] = announced_[fibers_.current()];
    before = last;
    last = {{static_cast<const std::byte*>(address), size}, kind};
    ++announcements_;
  }
  /// The last announcements of the running fiber allow the access; a copy announces two at once.
  [[nodiscard]] bool is_announced(const std::byte* address, bool writes) const {
    const auto& both = announced_[fibers_.current()];
    return std::any_of(both.begin(), both.end(), [&](const Announced& each) {
      return static_cast<std::size_t>(address - each.range.begin) < each.range.bytes &&
             each.kind != (writes ? OpKind::load : OpKind::store);
    });
  }
  /// The number of announcements of all fibers, over all executions.
  [[nodiscard]] std::uint64_t announcements() const { return announcements_; }
  /// More memory is shared than the space contains: the exploration so far is invalid.
  [[nodiscard]] bool has_found_memory() const {
    return shared_memory_ != nullptr && shared_memory_->has_new_regions();
  }
  /// Accesses of the code to the space, and outside it, over all executions.
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
  [[nodiscard]] bool has_any_change(std::uint32_t fiber) const {
    return changes_ - own_changes_[fiber] != changes_seen_[fiber];
  }
  void perform(std::uint32_t actor, std::uint32_t option);
  void leave(End how);
  void leave_for_change();
  void judge();
  [[nodiscard]] bool all_rest() const;
  void flush(std::uint32_t actor);
  void count(std::uint32_t actor);
  void told(std::uint32_t actor);
  /// Stores a text for an operation's `why` as long as this object exists. Without an observer it is "".
  [[nodiscard]] const char* kept(std::string text);

  /// An access that is made in pieces (Space::is_in_pieces), each a step. The code makes it at once: a load
  /// when all pieces are there, a store before the first of them. `bytes` is the content of the space without
  /// it.
  struct InPieces {
    Op op;
    bool is_pending = false;
    std::vector<std::byte> bytes;
    std::vector<std::byte> found;  ///< the bytes that a load has read so far, or that a store writes
  };

  /// What a fiber has done since its last operation that was not a load: accesses that write nothing, and
  /// fences.
  struct Looks {
    static constexpr std::size_t waiting_max = 8;
    std::uint32_t count = 0;
    const void* last = nullptr;
    /// Of the loads that wait: code and offset.
    std::array<std::pair<const void*, std::uint32_t>, waiting_max> waiting = {};
    std::size_t waiting_count = 0;
    void clear() {
      count = 0;
      last = nullptr;
      waiting_count = 0;
    }
  };

  /// An access outside the space.
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
  SharedMemory* shared_memory_ = nullptr;
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
  bool waits_exactly_ = true;
  Waiting waiting_;
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
  /// For each fiber: how many operations it has ended and recorded; under C11 and Armv8, by which of its
  /// steps.
  std::array<std::uint8_t, fibers_max> operation_counts_ = {};
  std::array<std::vector<std::uint32_t>, fibers_max> operation_ends_;
  std::set<std::string> texts_;
};

}  // namespace ringside::check
