// The memory model: which values a load may yield, and when a store is seen.
//
// The accesses themselves are machine instructions on the page, so that a model works around each of them:
// before() puts the value that the access must find into the page, after() takes the result from the page. No
// other fiber runs between the two. One thread, one execution at a time; begin() starts a new one.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
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

/// The models' words: on command lines, and in reports and replays.
struct ModelAbout {
  ModelName model;
  std::string_view word;
  std::string_view name;
};
inline constexpr std::array models_known{
    ModelAbout{ModelName::sc, "sc", "SC"},
    ModelAbout{ModelName::tso, "tso", "TSO"},
    ModelAbout{ModelName::c11, "c11", "C11"},
    ModelAbout{ModelName::armv8, "armv8", "Armv8"},
};

[[nodiscard]] std::string_view name_of(ModelName name);

/// How many steps of each actor come before a step: the causal order, for an explorer.
using Clock = std::array<std::uint16_t, actors_max>;

/// The most ways of one operation that are counted; a search that reaches it reports that it left some out.
inline constexpr std::uint32_t ways_max = 0xffff;

/// Two unordered accesses to the same byte of payload, one of them a write.
struct Race {
  std::uint32_t offset = 0;
  std::uint32_t earlier_fiber = 0;
  std::uint32_t earlier_number = 0;  ///< the number of that fiber's step, from 1
  bool earlier_wrote = false;
};

/// A load of a word and a later store of the same thread to another word, without an order between them. The
/// store may be seen before the load is done, so that the load may find a consequence of the store.
struct Buffering {
  std::uint32_t loaded = 0;  ///< the words' numbers
  std::uint32_t stored = 0;
  const void* load_code = nullptr;
  const void* store_code = nullptr;
  std::uint32_t fiber = 0;
  bool operator==(const Buffering&) const = default;
};

/// True: the model has an order of time, which memory shows. False: there is only the happens-before order.
[[nodiscard]] constexpr bool has_time(ModelName name) {
  return name == ModelName::sc || name == ModelName::tso;
}

class Model {
 public:
  explicit Model(const Space& space) : space_(&space) {}
  virtual ~Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  /// The space has the state that every fiber finds first.
  virtual void begin(std::uint32_t fiber_count) = 0;
  /// Sets the locations that the operation accesses under this model; by default the bytes, or the event.
  virtual void place(Op& op) const;
  /// An operation is announced, and its locations are set: prepares for an operation that accesses only a
  /// part of a word. False: the execution has more such parts than can be searched.
  [[nodiscard]] virtual bool divide(const Op&) { return true; }
  /// True: the barrier has no effect under this model, and is not a step.
  [[nodiscard]] virtual bool ignores(const Op&) const { return false; }
  /// An await makes stores visible to its fiber, so that it matters which stores came before it.
  [[nodiscard]] virtual bool await_sees_newest() const { return false; }
  /// A weak compare-exchange may fail although it finds the expected value.
  [[nodiscard]] virtual bool has_spurious_failures() const { return false; }
  /// False: not before the fiber's store buffer is empty.
  [[nodiscard]] virtual bool ready(std::uint32_t fiber, const Op& op) const;
  /// The number of ways of the operation, at least 1: values that it may yield, or places of its store in the
  /// order of its word's stores. 0 is always the newest. `past`: the steps that are known to come before it;
  /// a way that another order of steps also yields is not offered again. Null: all are offered.
  [[nodiscard]] virtual std::uint32_t options(std::uint32_t fiber, const Op& op, const Clock* past) const;
  /// `number`: the number of this step of the fiber, from 1.
  virtual void before(std::uint32_t fiber, const Op& op, std::uint32_t option, std::uint32_t number) = 0;
  virtual void after(std::uint32_t fiber, const Op& op, std::uint32_t number) = 0;

  /// Store buffers: whether there is a store to flush, which one, and the flush.
  [[nodiscard]] virtual bool has_flush(std::uint32_t) const { return false; }
  [[nodiscard]] virtual Op flush_op(std::uint32_t fiber) const;
  virtual void flush(std::uint32_t) {}

  /// How many steps of `other` happen before the next step of `fiber`, if the model defines that.
  [[nodiscard]] virtual std::uint32_t steps_known(std::uint32_t, std::uint32_t) const { return 0; }

  /// The execution is longer than the model can represent.
  [[nodiscard]] virtual bool is_full() const { return false; }
  /// The places where an execution so far could have continued with load buffering, which no model explores;
  /// each pair once. Empty for a model that forbids load buffering or never includes it.
  [[nodiscard]] virtual std::vector<Buffering> buffering() const { return {}; }
  /// True: each load is ordered before all later operations of its thread, as if they depended on it. For a
  /// model that does not order dependencies.
  virtual void order_dependencies(bool) {}

  /// Memory after all stores are seen, for reports. `bytes` bytes are copied to `to`.
  virtual void peek(std::uint32_t offset, std::uint32_t bytes, std::byte* to) const = 0;

  /// The race that before() has found; the execution has failed then.
  [[nodiscard]] const Race* race() const { return has_race_ ? &race_ : nullptr; }
  /// True: payload may race (a hostile peer writes at any place and time).
  void allow_races(bool forgive) { forgives_ = forgive; }

  [[nodiscard]] static std::unique_ptr<Model> make(ModelName name, const Space& space);

 protected:
  [[nodiscard]] const Space& space() const { return *space_; }
  [[nodiscard]] bool allows_races() const { return forgives_; }
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
