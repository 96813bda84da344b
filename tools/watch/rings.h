// The two rings of a domain, with the indices pointing into them: those of 2005 as eight slots side by side,
// of which a glyph, a word and a colour show the state, and byte rings as bars.
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
/// The same of a byte ring, in as many rows: a bar of the whole ring, with both indices below it, and the
/// bytes that wait.
void draw_ring(Canvas& canvas, std::size_t row, RingDetail detail, trace::ByteRing which,
               const trace::ReplayedByteRing& ring);

}  // namespace ringside::tools
