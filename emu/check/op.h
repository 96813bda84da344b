// One visible operation of ring code under the checker: an access to shared memory, a barrier, or a call of a
// service. A fiber runs without interruption between two of them, so that an interleaving consists of
// operations.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ringside::check {

/// Fibers are actors 0..3; under TSO the store buffer of fiber f is flushed by actor f + fibers_max.
inline constexpr std::uint32_t fibers_max = 4;
inline constexpr std::uint32_t actors_max = 2 * fibers_max;

/// The actor in a set of actors.
constexpr std::uint32_t bit(std::uint32_t actor) {
  return 1u << actor;
}

/// The most locations that a fiber waits for.
inline constexpr std::size_t watched_max = 6;

enum class OpKind : std::uint8_t {
  load,
  store,
  update,  ///< a locked read-modify-write
  fence,
  notify,
  wait,
  await,   ///< continues after another fiber has written (see waiting.h)
  choose,  ///< takes one of several ways; the search tries all of them
  flush,   ///< the oldest entry of a store buffer reaches memory
};

/// The order of an atomic operation or a fence; other accesses are `plain`. The last two are barriers of
/// processors, which the language does not have.
enum class Order : std::uint8_t {
  plain,
  relaxed,
  acquire,
  release,
  acq_rel,
  seq_cst,
  stores,  ///< earlier stores before later stores only: smp_wmb(), sfence, dmb ishst
  loads,   ///< earlier loads before later loads and stores: lfence, dmb ishld
};

[[nodiscard]] constexpr bool acquires(Order order) {
  return order == Order::acquire || order == Order::acq_rel || order == Order::seq_cst ||
         order == Order::loads;
}
[[nodiscard]] constexpr bool releases(Order order) {
  return order == Order::release || order == Order::acq_rel || order == Order::seq_cst;
}

/// Copied at each step, so that the order of the fields leaves no gaps.
struct Op {
  OpKind kind = OpKind::load;
  Order order = Order::plain;
  std::uint16_t first = 0;  ///< the locations that it touches: first .. last - 1 (see space.h)
  std::uint16_t last = 0;
  std::uint16_t also = 0;  ///< one more location, or 0
  bool also_writes = false;
  bool changes = false;   ///< it stores, and a fiber may wait for any store (await)
  bool is_block = false;  ///< of memcpy and similar functions, or of a structure: never a single access,
                          ///< however it is aligned
  Order failure = Order::plain;  ///< of an update that compares
  bool deviates = false;         ///< of choose: each way but the first is a deviation
  /// Of choose: a weak compare-exchange fails without a reason (1), or does not (0).
  bool is_spurious = false;
  /// Of await: the locations whose changes end it. Without any, every store does.
  std::uint8_t watched_count = 0;
  bool sees_newest = false;    ///< of await: their newest values become visible to the fiber
  std::uint32_t offset = 0;    ///< of the accessed bytes, in the space
  std::uint32_t size = 0;      ///< in bytes
  std::uint32_t argument = 0;  ///< the side of notify and wait, the ways of choose
  std::array<std::uint16_t, watched_max> watched = {};
  /// Of an update that compares: the expected bytes. If others are found, it is a load of order `failure`.
  const std::byte* expected = nullptr;
  const void* code = nullptr;  ///< the return address of the call that announced it
  const char* why = nullptr;   ///< of choose

  [[nodiscard]] bool writes() const {
    return kind == OpKind::store || kind == OpKind::update || kind == OpKind::flush;
  }
  /// Continues only with an empty store buffer, if the model has one.
  [[nodiscard]] bool is_barrier() const {
    const bool is_locked = kind == OpKind::update || kind == OpKind::notify || kind == OpKind::wait;
    return is_locked || ((kind == OpKind::fence || kind == OpKind::store) && order == Order::seq_cst);
  }
  [[nodiscard]] bool reads() const { return kind == OpKind::load || kind == OpKind::update; }
};

}  // namespace ringside::check
