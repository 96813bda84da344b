// Slots, and the indices that point to them.
#include "tools/watch/rings.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <vector>

#include "emu/trace/names.h"
#include "emu/trace/text.h"

namespace ringside::tools {

namespace {

using trace::IndexName;
using trace::ReplayedRing;
using trace::ReplayedSlot;
using trace::SlotState;

constexpr IndexName all_indices[] = {IndexName::req_prod, IndexName::req_cons, IndexName::rsp_prod,
                                     IndexName::rsp_cons};
constexpr std::size_t label_columns = 4;
constexpr std::size_t roomy_slot_columns = 12;
constexpr std::size_t wordy_slot_columns = 17;  ///< from here on a state's name is written in full

Tone tone_of(SlotState state) {
  switch (state) {
    case SlotState::free:
    case SlotState::stale:
      return Tone::quiet;
    case SlotState::request:
      return Tone::request;
    case SlotState::response:
      return Tone::response;
  }
  return Tone::plain;
}

std::string_view short_name(SlotState state) {
  switch (state) {
    case SlotState::free:
      return "free";
    case SlotState::request:
      return "req";
    case SlotState::response:
      return "rsp";
    case SlotState::stale:
      return "sta";
  }
  return "";
}

Tone tone_of(const ReplayedRing& ring) {
  return ring.outstanding() >= ring::slots_per_ring ? Tone::bad : Tone::strong;
}

enum class IndexForm : std::uint8_t { full, no_repeats, no_masks };

std::string index_text(const ReplayedRing& ring, IndexName name, IndexForm form) {
  std::string_view word = trace::index_name(name);
  // "req_prod 5 cons 5": the consumer index is shown after its producer, so it needs no prefix.
  const bool consumer = name == IndexName::req_cons || name == IndexName::rsp_cons;
  if (consumer && form != IndexForm::full) word.remove_prefix(word.find('_') + 1);
  if (!ring.knows(name)) return fmt::format("{} ?", word);
  const std::uint32_t value = ring.at(name);
  if (form == IndexForm::no_masks) return fmt::format("{} {}", word, value);
  return fmt::format("{} {}&7={}", word, value, ring::slot_of(value));
}

/// Draws all four indices in the longest form that fits.
void draw_indices(Canvas& canvas, std::size_t row, std::size_t column, const ReplayedRing& ring) {
  std::string all;
  for (const IndexForm form : {IndexForm::full, IndexForm::no_repeats, IndexForm::no_masks}) {
    all.clear();
    for (const IndexName name : all_indices) {
      const std::string_view gap = form == IndexForm::full || name == IndexName::rsp_prod ? "  " : " ";
      all += fmt::format("{}{}", all.empty() ? "" : gap, index_text(ring, name, form));
    }
    if (column + all.size() <= canvas.columns()) break;
  }
  canvas.text(row, column, all);
}

std::string outstanding_words(const ReplayedRing& ring) {
  const std::uint32_t outstanding = ring.outstanding();
  const char* more = outstanding > ring::slots_per_ring    ? ": impossible, one side is faulty"
                     : outstanding == ring::slots_per_ring ? ": the ring is full"
                                                           : "";
  return fmt::format("{} of {} outstanding{}", outstanding, ring::slots_per_ring, more);
}

void draw_slot(Canvas& canvas, std::size_t row, std::size_t column, std::size_t columns, std::size_t number,
               const ReplayedSlot& slot) {
  const Tone tone = tone_of(slot.state);
  const std::size_t end = column + columns - 1;
  for (std::size_t at = column; at < end; ++at) {
    canvas.put(row, at, U' ', tone);
    canvas.put(row + 1, at, U' ', tone);
  }
  const std::string_view gap = columns >= roomy_slot_columns ? " " : "";
  std::string state = fmt::format(
      "{}{}{}{}{}", number, gap, trace::slot_glyph(slot.state), gap,
      columns >= wordy_slot_columns ? trace::slot_state_name(slot.state) : short_name(slot.state));
  std::string content;
  if (slot.state != SlotState::free) {
    const ring::ControlMessage& message = slot.message;
    const bool console = message.type == ring::CMSG_CONSOLE;
    state += fmt::format(" {}", message.length);
    content = console ? trace::quoted(message.payload()) : trace::message_text(message);
    if (console && message.payload().empty()) content = "";
  }
  canvas.text(row, column, state, tone, end);
  canvas.text(row + 1, column, content, tone, end);
}

/// Below the slots: the names of two indices at their positions.
void draw_pointers(Canvas& canvas, std::size_t row, std::size_t columns, std::string_view label,
                   const ReplayedRing& ring, IndexName produced, IndexName consumed) {
  canvas.text(row, 0, label);
  for (std::size_t slot = 0; slot < ring::slots_per_ring; ++slot) {
    const auto points = [&](IndexName name) {
      return ring.knows(name) && ring::slot_of(ring.at(name)) == slot;
    };
    const std::string_view words = points(produced)   ? points(consumed) ? "prod+cons" : "prod"
                                   : points(consumed) ? "cons"
                                                      : "";
    canvas.text(row, label_columns + slot * columns, words, Tone::strong);
  }
}

// -- byte rings

using trace::ByteIndex;
using trace::ByteRing;
using trace::ReplayedByteRing;

/// "out_prod 4130&2047=34"; without the place in the ring if it is to be short.
std::string byte_index_text(ByteRing which, const ReplayedByteRing& ring, bool prod, bool is_short) {
  const ByteIndex index = which == ByteRing::out ? (prod ? ByteIndex::out_prod : ByteIndex::out_cons)
                                                 : (prod ? ByteIndex::in_prod : ByteIndex::in_cons);
  const std::string_view name = trace::index_name(index);
  if (!(prod ? ring.prod_known : ring.cons_known)) return fmt::format("{} ?", name);
  const std::uint32_t value = prod ? ring.prod : ring.cons;
  if (is_short) return fmt::format("{} {}", name, value);
  return fmt::format("{} {}&{}={}", name, value, trace::size_of(which) - 1, trace::place_in(which, value));
}

std::string byte_indices_text(ByteRing which, const ReplayedByteRing& ring, bool is_short) {
  return byte_index_text(which, ring, true, is_short) + "  " + byte_index_text(which, ring, false, is_short);
}

Tone tone_of(ByteRing which, const ReplayedByteRing& ring) {
  const auto waiting = ring.waiting(which);
  return waiting && *waiting < trace::size_of(which) ? Tone::strong : Tone::bad;
}

std::string waiting_words(ByteRing which, const ReplayedByteRing& ring) {
  const auto waiting = ring.waiting(which);
  if (!waiting) return "impossible, one side is faulty";
  return fmt::format("{} of {} bytes wait{}", *waiting, trace::size_of(which),
                     *waiting == trace::size_of(which) ? ": the ring is full" : "");
}

void draw_bar(Canvas& canvas, std::size_t row, ByteRing which, const ReplayedByteRing& ring) {
  const std::size_t columns = canvas.columns() - label_columns;
  canvas.text(row, 0, trace::ring_word(which), Tone::strong);
  const std::string bar = trace::byte_bar(which, ring, columns);
  for (std::size_t at = 0; at < columns; ++at)
    canvas.text(row, label_columns + at, bar.substr(at, 1), bar[at] == '#' ? Tone::request : Tone::quiet);
  // Each index in a row of its own, since both may be at the same place.
  for (const bool prod : {true, false}) {
    if (!(prod ? ring.prod_known : ring.cons_known)) continue;
    const std::uint32_t place = trace::place_in(which, prod ? ring.prod : ring.cons);
    const std::size_t at = std::size_t{place} * columns / trace::size_of(which);
    const std::string_view word = prod ? "prod" : "cons";
    const bool leftward = at + 1 + word.size() > columns;
    canvas.text(row + (prod ? 1 : 2), label_columns + (leftward ? at - word.size() : at),
                leftward ? fmt::format("{}^", word) : fmt::format("^{}", word), Tone::strong);
  }
  const std::vector<std::uint8_t> bytes = ring.waiting_bytes(which);
  if (!bytes.empty())
    canvas.text(row + 3, label_columns,
                trace::quoted(std::span(bytes).first(std::min(bytes.size(), columns))), Tone::request);
}

}  // namespace

std::size_t ring_rows(RingDetail detail) {
  switch (detail) {
    case RingDetail::line:
      return 1;
    case RingDetail::small:
      return 5;
    case RingDetail::full:
      return 6;
  }
  return 0;
}

void draw_ring(Canvas& canvas, std::size_t row, RingDetail detail, ring::Ring which,
               const ReplayedRing& ring) {
  if (detail == RingDetail::line) {
    const std::string glyphs = trace::ring_text(which, ring);
    return draw_indices(canvas, row, canvas.text(row, 0, glyphs, tone_of(ring)) + 2, ring);
  }
  if (detail == RingDetail::full) {
    canvas.heading(row, fmt::format("{}: {}", trace::ring_word(which),
                                    which == ring::Ring::tx ? "the guest asks, dom0 answers"
                                                            : "dom0 asks, the guest answers"));
    const std::string words = outstanding_words(ring);
    const std::size_t column = canvas.columns() - std::min(canvas.columns(), words.size() + 3);
    canvas.text(row, canvas.text(row, canvas.text(row, column, " "), words, tone_of(ring)), " ");
    draw_indices(canvas, ++row, label_columns, ring);
  } else {
    const std::string words =
        fmt::format("{} {}/{}", trace::ring_word(which), ring.outstanding(), ring::slots_per_ring);
    draw_indices(canvas, row, canvas.text(row, 0, words, tone_of(ring)) + 2, ring);
  }
  const std::size_t columns = (canvas.columns() - label_columns) / ring::slots_per_ring;
  canvas.text(row + 1, 0, trace::ring_word(which), Tone::strong);
  for (std::size_t slot = 0; slot < ring::slots_per_ring; ++slot)
    draw_slot(canvas, row + 1, label_columns + slot * columns, columns, slot, ring.slots[slot]);
  draw_pointers(canvas, row + 3, columns, "req_", ring, IndexName::req_prod, IndexName::req_cons);
  draw_pointers(canvas, row + 4, columns, "rsp_", ring, IndexName::rsp_prod, IndexName::rsp_cons);
}

void draw_ring(Canvas& canvas, std::size_t row, RingDetail detail, ByteRing which,
               const ReplayedByteRing& ring) {
  const std::string waiting = waiting_words(which, ring);
  if (detail == RingDetail::line) {
    const std::size_t column = canvas.text(row, 0, trace::ring_text(which, ring), tone_of(which, ring)) + 2;
    canvas.text(row, column, byte_indices_text(which, ring, true));
    return;
  }
  if (detail == RingDetail::full) {
    canvas.heading(row, which == ByteRing::out ? "out: the guest prints, xenconsoled takes"
                                               : "in: xenconsoled types, the guest takes");
    const std::size_t column = canvas.columns() - std::min(canvas.columns(), waiting.size() + 3);
    canvas.text(row, canvas.text(row, canvas.text(row, column, " "), waiting, tone_of(which, ring)), " ");
    canvas.text(++row, label_columns, byte_indices_text(which, ring, false));
  } else {
    const std::string words = fmt::format("{} {}", trace::ring_word(which), waiting);
    const std::size_t column = canvas.text(row, 0, words, tone_of(which, ring)) + 2;
    const std::string indices = byte_indices_text(which, ring, false);
    const bool fits = column + indices.size() <= canvas.columns();
    canvas.text(row, column, fits ? indices : byte_indices_text(which, ring, true));
  }
  draw_bar(canvas, row + 1, which, ring);
}

}  // namespace ringside::tools
