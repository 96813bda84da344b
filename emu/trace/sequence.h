// A run as a sequence of messages between lanes, for diagrams. There is one lane for each actor, and one for
// each domain's page and its event channel. Repeated items are folded.
//
// Flow knows to whom a connection of xcs belongs, and when bytes arrived where. An item's number is the step
// of its first entry, as in every other view.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "emu/trace/journal_file.h"

namespace ringside::trace {

/// A larger diagram is unreadable; items beyond this are counted.
inline constexpr std::size_t sequence_items_max = 400;
/// Exchanges of up to this many items are folded when they are repeated.
inline constexpr std::size_t sequence_fold_items_max = 24;

struct SequenceItem {
  enum class Kind : std::uint8_t {
    message,  ///< bytes, a frame, a slot, an index of the page
    event,
    note,  ///< of one lane: `to` is `from`
    line,  ///< of the scenario; of no lane
  };
  Kind kind = Kind::message;
  std::size_t from = 0;  ///< lanes
  std::size_t to = 0;
  std::uint64_t step = 0;       ///< its first entry
  std::uint64_t last_step = 0;  ///< and its last, when several are one item
  std::int64_t sent_ns = 0;
  std::int64_t arrived_ns = 0;  ///< of the first; not before sent_ns
  std::uint32_t count = 1;
  std::uint32_t bytes = 0;  ///< of payload, in all
  bool lost = false;
  bool trouble = false;  ///< a note about something lost or refused, or about a quirk
  std::string label;     ///< a few words: "request rx[3]"
  std::string text;      ///< its contents; may be empty
  std::string shape;     ///< equal for items that differ only in details not shown
};

/// The items [first, first + size) occurred `times` times, and are listed once.
struct SequenceLoop {
  std::size_t first = 0;
  std::size_t size = 0;
  std::uint32_t times = 0;
  std::uint64_t last_step = 0;
};

struct Sequence {
  std::string title;
  std::vector<std::string> lanes;
  std::vector<SequenceItem> items;
  std::vector<SequenceLoop> loops;  ///< in order, not nested
  std::uint64_t left_out = 0;       ///< items beyond sequence_items_max
};

/// The sequence of the steps [first, last]. With `first` 0 it begins where the scenario does, not with the
/// set-up before it.
[[nodiscard]] Sequence sequence_of(const Journaled& journal, std::uint64_t first = 0,
                                   std::uint64_t last = ~std::uint64_t{0});

/// "8 x request rx[0..7], 480 bytes": label and count.
[[nodiscard]] std::string sequence_label(const SequenceItem& item);

// The output formats.

/// For Mermaid, whose arrows are level. Numbered by steps.
[[nodiscard]] std::string to_mermaid(const Sequence& sequence);
/// In pixels, of a picture for slides.
inline constexpr double sequence_slide_width = 1920;
/// A picture: arrows slant with the time that they took, and a cross ends the arrow of something lost. Its
/// letters have 16 pixels; with many lanes it is wider than `width`, and scaled down.
[[nodiscard]] std::string to_svg(const Sequence& sequence, double width = sequence_slide_width);

}  // namespace ringside::trace
