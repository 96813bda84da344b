// The console of today's Xen (io/console.h): one frame with two rings of bytes, without messages. The guest
// writes into `out` and takes from `in`; xenconsoled does the opposite. Bytes need no answer: moving the
// consumer's index frees their places.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "ring/index.h"
#include "ring/layout.h"
#include "ring/memory.h"

namespace ringside::ring {

/// struct xencons_interface, at the start of a frame of its own.
struct ByteRings {
  std::uint8_t in[1024];
  std::uint8_t out[2048];
  Index in_cons;
  Index in_prod;
  Index out_cons;
  Index out_prod;
};

static_assert(offsetof(ByteRings, out) == 1024);
static_assert(offsetof(ByteRings, in_cons) == 3072);
static_assert(offsetof(ByteRings, in_prod) == 3076);
static_assert(offsetof(ByteRings, out_cons) == 3080);
static_assert(offsetof(ByteRings, out_prod) == 3084);
static_assert(sizeof(ByteRings) == 3088 && sizeof(ByteRings) <= frame_bytes);

[[nodiscard]] inline ByteRings* byte_rings(std::byte* frame) {
  return reinterpret_cast<ByteRings*>(frame);
}

/// The bytes that wait between two indices; empty if more would wait than the ring holds.
[[nodiscard]] constexpr std::optional<std::uint32_t> waiting_bytes(Index prod, Index cons,
                                                                   std::size_t ring_bytes) {
  const std::uint32_t bytes = distance(prod, cons);
  return bytes <= ring_bytes ? std::optional(bytes) : std::nullopt;
}

/// The guest's end of both rings. It keeps its own two indices, and trusts neither of the daemon's, of which
/// it also keeps what it has found last.
template <class Memory = NativeMemory>
class ByteFront {
 public:
  /// Continues at the indices of the frame, which is mapped as long as this object exists.
  explicit ByteFront(std::byte* frame)
      : rings_(byte_rings(frame)),
        out_prod_(Memory::load(&rings_->out_prod)),
        in_cons_(Memory::load(&rings_->in_cons)),
        out_cons_(Memory::load(&rings_->out_cons)),
        in_prod_(Memory::load(&rings_->in_prod)) {}

  [[nodiscard]] Index out_prod() const { return out_prod_; }
  [[nodiscard]] Index in_cons() const { return in_cons_; }
  /// As room() found it last.
  [[nodiscard]] Index out_cons() const { return out_cons_; }
  /// As input_bytes() or look() found it last.
  [[nodiscard]] Index in_prod() const { return in_prod_; }

  /// The bytes that write() takes now. Empty: out_cons is impossible.
  [[nodiscard]] std::optional<std::size_t> room() {
    out_cons_ = Memory::load(&rings_->out_cons);
    const auto used = waiting_bytes(out_prod_, out_cons_, sizeof rings_->out);
    if (!used) return std::nullopt;
    return sizeof rings_->out - *used;
  }
  /// Puts at most room() bytes into the ring and publishes them. The event comes after it.
  void write(std::span<const std::uint8_t> bytes) {
    // out_cons before the bytes: pairs with the daemon's barrier between reading bytes and moving out_cons.
    // Otherwise a place is overwritten while the daemon reads it.
    Memory::rmb();
    for (std::size_t i = 0; i < bytes.size(); ++i)
      Memory::store(&rings_->out[(out_prod_ + i) % sizeof rings_->out], bytes[i]);
    // Bytes before the index: pairs with the daemon's barrier between out_prod and the bytes.
    Memory::wmb();
    Memory::store(&rings_->out_prod, out_prod_ += static_cast<Index>(bytes.size()));
  }

  /// The input that waits. Empty: in_prod is impossible.
  [[nodiscard]] std::optional<std::size_t> input_bytes() {
    in_prod_ = Memory::load(&rings_->in_prod);
    return waiting_bytes(in_prod_, in_cons_, sizeof rings_->in);
  }
  /// Copies the oldest bytes that wait, without taking them. Returns their number.
  std::size_t look(std::span<std::uint8_t> into) {
    const std::size_t bytes = std::min(input_bytes().value_or(0), into.size());
    // The index before the bytes: pairs with the daemon's barrier between the bytes and in_prod.
    Memory::rmb();
    for (std::size_t i = 0; i < bytes; ++i)
      into[i] = Memory::load(&rings_->in[(in_cons_ + i) % sizeof rings_->in]);
    return bytes;
  }
  /// Frees the places of that many bytes, which look() has copied. The event comes after it.
  void take(std::size_t bytes) {
    // The bytes before the index: pairs with the daemon's barrier between in_cons and new bytes. Otherwise
    // the daemon overwrites bytes that are being read.
    Memory::wmb();
    Memory::store(&rings_->in_cons, in_cons_ += static_cast<Index>(bytes));
  }

 private:
  ByteRings* rings_;
  Index out_prod_;
  Index in_cons_;
  Index out_cons_;
  Index in_prod_;
};

/// The daemon's end of both rings. As xenconsoled does, it keeps no index: each call reads all that it needs
/// from the frame, its own index as well, and moves nothing while the indices are impossible.
template <class Memory = NativeMemory>
class ByteBack {
 public:
  explicit ByteBack(std::byte* frame) : rings_(byte_rings(frame)) {}

  /// Bytes that were moved, and the index of the first.
  struct Moved {
    Index first = 0;
    std::uint32_t bytes = 0;
  };

  /// The output that waits; 0 also if the indices are impossible.
  [[nodiscard]] std::size_t output_bytes() {
    const Index cons = Memory::load(&rings_->out_cons);
    return waiting_bytes(Memory::load(&rings_->out_prod), cons, sizeof rings_->out).value_or(0);
  }
  /// Takes the oldest output, at most as much as fits into `into`, and frees its places. The event comes
  /// after it.
  Moved take_output(std::span<std::uint8_t> into) {
    const Index cons = Memory::load(&rings_->out_cons);
    const Index prod = Memory::load(&rings_->out_prod);
    // out_prod before the bytes: pairs with the guest's barrier between the bytes and out_prod.
    Memory::mb();
    const auto waiting = waiting_bytes(prod, cons, sizeof rings_->out);
    const auto count = static_cast<std::uint32_t>(std::min<std::size_t>(waiting.value_or(0), into.size()));
    for (std::uint32_t i = 0; i < count; ++i)
      into[i] = Memory::load(&rings_->out[(cons + i) % sizeof rings_->out]);
    // The bytes before out_cons: pairs with the guest's barrier between out_cons and new bytes. Otherwise the
    // guest overwrites bytes that are being read.
    Memory::mb();
    if (count != 0) Memory::store(&rings_->out_cons, cons + count);
    return {cons, count};
  }

  /// The bytes that put_input() takes now; 0 also if the indices are impossible.
  [[nodiscard]] std::size_t input_room() {
    const Index cons = Memory::load(&rings_->in_cons);
    const Index prod = Memory::load(&rings_->in_prod);
    // in_cons before the bytes that follow: pairs with the guest's barrier between the bytes and in_cons.
    Memory::mb();
    const auto waiting = waiting_bytes(prod, cons, sizeof rings_->in);
    return waiting ? sizeof rings_->in - *waiting : 0;
  }
  /// Puts at most input_room() bytes into the ring and publishes them. The event comes after it.
  Moved put_input(std::span<const std::uint8_t> bytes) {
    const Index prod = Memory::load(&rings_->in_prod);
    for (std::size_t i = 0; i < bytes.size(); ++i)
      Memory::store(&rings_->in[(prod + i) % sizeof rings_->in], bytes[i]);
    // Bytes before the index: pairs with the guest's barrier between in_prod and the bytes.
    Memory::wmb();
    const auto count = static_cast<std::uint32_t>(bytes.size());
    Memory::store(&rings_->in_prod, prod + count);
    return {prod, count};
  }

 private:
  ByteRings* rings_;
};

}  // namespace ringside::ring
