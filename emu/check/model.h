// What a read may yield and when a write is seen: the memory model, as far as the compiled accesses of ring
// code let it decide.
//
// The accesses themselves are machine instructions on the page, so a model works around each of them:
// before() puts into the page what the access is to find there, after() takes from the page what it has left.
// Between the two nobody else runs. One thread, one execution at a time; begin() starts anew.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "emu/check/op.h"
#include "emu/check/space.h"

namespace ringside::check {

enum class ModelName : std::uint8_t {
  sc,   ///< sequential consistency: one memory, one order
  tso,  ///< x86: each thread's stores wait in a buffer of its own
  c11,  ///< RC11 without load buffering: a load may yield an old value, as far as coherence and barriers let
        ///< it
  armv8,  ///< Armv8, multi-copy atomic, without dependencies and load buffering
};

[[nodiscard]] std::string_view name_of(ModelName name);

/// How many steps of each actor come before something: what an explorer knows of causes.
using Clock = std::array<std::uint16_t, actors_max>;

/// Ways of one operation that are counted at most; a search that meets them all says that it left out some.
inline constexpr std::uint32_t ways_max = 0xffff;

/// Two accesses to the same byte of payload, one of them a write, and nothing that orders them.
struct Race {
  std::uint32_t offset = 0;
  std::uint32_t earlier_fiber = 0;
  std::uint32_t earlier_number = 0;  ///< that fiber's how many-th step, from 1
  bool earlier_wrote = false;
};

/// A load of a word, and a store to another one that follows it in the same thread, which nothing orders. The
/// store may be seen before the load is done, so that the load may find what comes of it.
struct Buffering {
  std::uint32_t loaded = 0;  ///< the words' numbers
  std::uint32_t stored = 0;
  const void* load_code = nullptr;
  const void* store_code = nullptr;
  std::uint32_t fiber = 0;
  bool operator==(const Buffering&) const = default;
};

/// Time is what comes before what, as memory shows it; or there is none but what happens before.
[[nodiscard]] constexpr bool has_time(ModelName name) {
  return name == ModelName::sc || name == ModelName::tso;
}

class Model {
 public:
  explicit Model(const Space& space) : space_(&space) {}
  virtual ~Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  /// The space is as every fiber is to find it first.
  virtual void begin(std::uint32_t fiber_count) = 0;
  /// Fills in which locations the operation touches under this model; here: the bytes that it accesses, or
  /// the event.
  virtual void place(Op& op) const;
  /// An operation is announced, and its locations are filled in: makes ready for one that touches a part of a
  /// word only. False: the execution has more such parts than can be searched.
  [[nodiscard]] virtual bool divide(const Op&) { return true; }
  /// Barriers that mean nothing under this model are no steps at all.
  [[nodiscard]] virtual bool ignores(const Op&) const { return false; }
  /// A weak compare-exchange may fail where it finds what it expects.
  [[nodiscard]] virtual bool has_spurious_failures() const { return false; }
  /// False: not before its store buffer is empty.
  [[nodiscard]] virtual bool ready(std::uint32_t fiber, const Op& op) const;
  /// How many ways the operation may go, at least 1: values that it may yield, places where its store may
  /// come in the order of its word's stores. 0 is always the newest. `past`: what is known to come before it;
  /// what another order of steps yields as well is not offered again. Null: all are offered.
  [[nodiscard]] virtual std::uint32_t options(std::uint32_t fiber, const Op& op, const Clock* past) const;
  /// `number`: the fiber's how many-th step this is, from 1.
  virtual void before(std::uint32_t fiber, const Op& op, std::uint32_t option, std::uint32_t number) = 0;
  virtual void after(std::uint32_t fiber, const Op& op, std::uint32_t number) = 0;

  /// Store buffers: is there something to flush, which, and do it.
  [[nodiscard]] virtual bool has_flush(std::uint32_t) const { return false; }
  [[nodiscard]] virtual Op flush_op(std::uint32_t fiber) const;
  virtual void flush(std::uint32_t) {}

  /// How many steps of `other` happen before what `fiber` does next, where the model says so.
  [[nodiscard]] virtual std::uint32_t steps_known(std::uint32_t, std::uint32_t) const { return 0; }

  /// The execution is longer than the model can tell of.
  [[nodiscard]] virtual bool is_full() const { return false; }
  /// Where an execution so far could have gone on with load buffering, which no model explores; each pair
  /// once. Of a model that does not allow it, or leaves it out for good, nothing.
  [[nodiscard]] virtual std::vector<Buffering> buffering() const { return {}; }
  /// True: each load is ordered before what follows it in its thread, as if that depended on it. For a model
  /// that orders no dependencies.
  virtual void order_dependencies(bool) {}

  /// What reports show: memory as it is once everything that was written is seen. `bytes` are copied to `to`.
  virtual void peek(std::uint32_t offset, std::uint32_t bytes, std::byte* to) const = 0;

  /// Set by before() when it found one; the execution has failed then.
  [[nodiscard]] const Race* race() const { return has_race_ ? &race_ : nullptr; }
  /// Off: payload may race (a hostile peer writes where and when it likes).
  void forgive_races(bool forgive) { forgives_ = forgive; }

  [[nodiscard]] static std::unique_ptr<Model> make(ModelName name, const Space& space);

 protected:
  [[nodiscard]] const Space& space() const { return *space_; }
  [[nodiscard]] bool forgives_races() const { return forgives_; }
  void found(const Race& race) {
    if (has_race_) return;
    race_ = race;
    has_race_ = true;
  }
  void no_race() { has_race_ = false; }

 private:
  const Space* space_;
  Race race_;
  bool has_race_ = false;
  bool forgives_ = false;
};

}  // namespace ringside::check
