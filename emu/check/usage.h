// What one execution makes of a ring's memory: whether the ends have used each place of it again, have seen
// the ring full and empty, and have taken an index over its end. A search that never did these says nothing
// of what happens then, and its verdict has to say so.
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
  bool wrapped = false;            ///< an index began again

  [[nodiscard]] bool every_place_again() const { return places > 0 && once == 0 && slots_unused == 0; }
};

/// Together: what several searches of one ring have used. Of the places those count that used most.
[[nodiscard]] Usage together(const Usage& one, const Usage& other);

/// What was not covered, as "no slot is used twice, the ring is never full"; empty: nothing is missing.
[[nodiscard]] std::string missing_in(const Usage& usage, const ring_check_ring& ring);

/// The usage in the execution in plain order: the least that a search covers. `end`: how that execution
/// ended.
[[nodiscard]] Usage usage_of(Execution& execution, RingProgram& program, const ring_check_ring& ring,
                             End& end);

}  // namespace ringside::check
