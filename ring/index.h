// Ring indices run freely through all 2^32 values and are masked only to find a slot. The number of messages
// is therefore an unsigned difference: empty (0) and full (8) are distinct, and the wrap at 2^32 needs no
// code.
#pragma once

#include <cstdint>

namespace ringside::ring {

using Index = std::uint32_t;

/// Slots in each ring; a power of two, since indices are masked (domain_controller.h: CONTROL_RING_SIZE).
inline constexpr std::uint32_t slots_per_ring = 8;

/// The slot of a free-running index, 0..7.
[[nodiscard]] constexpr std::uint32_t slot_of(Index index) {
  return index & (slots_per_ring - 1);
}

/// The distance from `behind` to `ahead`, modulo 2^32. If `ahead` is really behind, the distance is huge.
[[nodiscard]] constexpr std::uint32_t distance(Index ahead, Index behind) {
  return ahead - behind;
}

static_assert((slots_per_ring & (slots_per_ring - 1)) == 0, "slots are found by masking");
static_assert(distance(2, 0xfffffffe) == 4, "distances survive the wrap");

}  // namespace ringside::ring
