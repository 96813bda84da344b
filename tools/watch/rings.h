// The two rings as eight slots side by side, with the indices pointing to them. A glyph, a word and a colour
// show a slot's state.
//
// Pure: reads a replayed ring, fills rows of a canvas.
#pragma once

#include "emu/trace/replay.h"
#include "tools/watch/canvas.h"

namespace ringside::tools {

enum class RingDetail : std::uint8_t {
  line,   ///< one row: glyphs and indices
  small,  ///< without its heading
  full,
};
[[nodiscard]] std::size_t ring_rows(RingDetail detail);

/// Fills the rows from `row` on.
void draw_ring(Canvas& canvas, std::size_t row, RingDetail detail, ring::Ring which,
               const trace::ReplayedRing& ring);

}  // namespace ringside::tools
