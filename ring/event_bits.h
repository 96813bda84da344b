// The event bits of a shared_info frame, and the two rules that make them work: how an event becomes pending,
// and how a guest's upcall finds it. Both generations; offsets as compiled in 2005 for x86_32 (the comments
// in the period's own headers were stale).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "ring/layout.h"
#include "ring/memory.h"

namespace ringside::ring {

/// An event channel port of a domain: 1..1023. Port 0 is never used.
using Port = std::uint32_t;
inline constexpr Port ports_per_domain = 1024;

/// Byte offsets of the event words in a shared_info frame.
struct EventOffsets {
  std::size_t upcall_pending;  ///< u8, vcpu 0
  std::size_t upcall_mask;     ///< u8, vcpu 0
  std::size_t selector;        ///< u32, one bit for each word of `pending`
  std::size_t pending;         ///< u32[32]
  std::size_t mask;            ///< u32[32]
};

inline constexpr EventOffsets event_offsets_xen20{0, 1, 132, 4, 136};
inline constexpr EventOffsets event_offsets_xen30{0, 1, 4, 260, 388};
/// n_vcpu (u32) in xen-3.0-devel's shared_info, and the size of the whole; vcpu records are 8 bytes, 32 of
/// them.
inline constexpr std::size_t n_vcpu_offset_xen30 = 256;
inline constexpr std::size_t shared_info_bytes_xen30 = 588;

static_assert(event_offsets_xen20.selector == event_offsets_xen20.pending + 32 * 4);
static_assert(event_offsets_xen20.mask == event_offsets_xen20.selector + 4);
static_assert(n_vcpu_offset_xen30 == 32 * 8);
static_assert(event_offsets_xen30.pending == n_vcpu_offset_xen30 + 4);
static_assert(event_offsets_xen30.mask == event_offsets_xen30.pending + 32 * 4);

/// The outcome of raising an event. The sender must wake the receiver for `kick`; if several receivers share
/// the selector, for `already_selected`, too.
enum class Raised : std::uint8_t {
  kick,              ///< everything was clear: wake the receiver
  already_pending,   ///< events coalesce
  masked,            ///< pending is set, the edge is lost: the receiver must look again after it unmasks
  already_selected,  ///< another event of the same word has woken the receiver
};

template <class Memory = NativeMemory>
class EventBits {
 public:
  /// `frame` is the 4096-byte shared_info page, 8-byte aligned; it must outlive this view.
  EventBits(std::byte* frame, Abi abi)
      : frame_(frame), at_(abi == Abi::flat ? event_offsets_xen20 : event_offsets_xen30) {}

  /// The sender's half, strictly in this order: pending, mask, selector, upcall flag. `port` < 1024.
  [[nodiscard]] Raised raise(Port port) {
    if (Memory::set_bits(pending(port), bit(port)) & bit(port)) return Raised::already_pending;
    if (Memory::load(mask(port)) & bit(port)) return Raised::masked;
    const std::uint32_t word = 1u << (port >> 5);
    if (Memory::set_bits(selector(), word) & word) return Raised::already_selected;
    Memory::store(upcall_pending(), std::uint8_t{1});
    return Raised::kick;
  }

  /// The receiver's half: calls `found(port)` for each port that is pending and not masked. `found` must
  /// clear the pending bit before it looks at what the event announced.
  template <class Found>
  void upcall(Found found) {
    // Cleared before the search, so that an event raised during it sets the flag again.
    (void)Memory::exchange(upcall_pending(), std::uint8_t{0});
    std::uint32_t words = Memory::exchange(selector(), std::uint32_t{0});
    while (words != 0) {
      const Port first = static_cast<Port>(std::countr_zero(words)) * 32;
      words &= words - 1;
      std::uint32_t ready = Memory::load(pending(first)) & ~Memory::load(mask(first));
      while (ready != 0) {
        found(first + static_cast<Port>(std::countr_zero(ready)));
        ready &= ready - 1;
      }
    }
  }

  void clear_pending(Port port) { Memory::clear_bits(pending(port), bit(port)); }
  void set_mask(Port port) { Memory::set_bits(mask(port), bit(port)); }

  /// Clears the mask, then reads the pending bit, since an event that was raised while the port was masked
  /// woke no receiver. Returns true when an event is pending: the caller must then handle it, as no kick
  /// follows. The locked instruction is the full barrier between the two.
  [[nodiscard]] bool unmask(Port port) {
    Memory::clear_bits(mask(port), bit(port));
    return is_pending(port);
  }

  [[nodiscard]] bool is_pending(Port port) const { return (Memory::load(pending(port)) & bit(port)) != 0; }
  [[nodiscard]] bool is_masked(Port port) const { return (Memory::load(mask(port)) & bit(port)) != 0; }
  [[nodiscard]] std::uint32_t selector_word() const { return Memory::load(selector()); }
  [[nodiscard]] bool upcall_is_pending() const { return Memory::load(upcall_pending()) != 0; }

 private:
  static constexpr std::uint32_t bit(Port port) { return 1u << (port & 31); }
  std::uint32_t* word(std::size_t offset) const { return reinterpret_cast<std::uint32_t*>(frame_ + offset); }
  std::uint32_t* pending(Port port) const { return word(at_.pending) + (port >> 5); }
  std::uint32_t* mask(Port port) const { return word(at_.mask) + (port >> 5); }
  std::uint32_t* selector() const { return word(at_.selector); }
  std::uint8_t* upcall_pending() const {
    return reinterpret_cast<std::uint8_t*>(frame_ + at_.upcall_pending);
  }

  std::byte* frame_;
  EventOffsets at_;
};

}  // namespace ringside::ring
