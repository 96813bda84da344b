// How one execution uses a ring's memory: whether the ends have used each place twice, have seen the ring
// full and empty, and have wrapped an index. A search without these cases does not cover them, and its
// verdict must say so.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "emu/check/workload.h"

namespace ringside::check {

struct Usage {
  std::uint32_t places = 0;        ///< locations of payload that the ends wrote
  std::uint32_t once = 0;          ///< of them: written once only, or read once only
  std::uint32_t slots_unused = 0;  ///< slots of the table that no end wrote
  bool full = false;               ///< a push found no room
  bool empty = false;              ///< a pop found nothing
  bool wrapped = false;            ///< an index wrapped

  [[nodiscard]] bool all_places_reused() const { return places > 0 && once == 0 && slots_unused == 0; }
};

/// Combines the usage of two searches of one ring. The places are those of the search that used most.
[[nodiscard]] Usage together(const Usage& one, const Usage& other);

/// The cases that were not covered, such as "the ring is never full"; empty: none.
[[nodiscard]] std::string missing_in(const Usage& usage, const ring_check_ring& ring);

/// The usage in the execution in plain order: the minimum that a search covers. `end`: how that execution
/// ended.
[[nodiscard]] Usage usage_of(Execution& execution, RingProgram& program, const ring_check_ring& ring,
                             End& end);

}  // namespace ringside::check
