// A run as a sequence of messages between lanes: what diagrams draw. One lane for everybody who took part,
// and one for each domain's page and its event channel; what is the same again and again is folded.
//
// Who a connection of xcs belongs to, and when bytes arrived where, is asked of Flow. An item's number is the
// step of its first entry, as in every other view.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "emu/trace/journal_file.h"

namespace ringside::trace {

/// A diagram with more is for nobody; what is beyond is counted.
inline constexpr std::size_t sequence_items_max = 400;
/// Exchanges of up to so many items are folded when they come again.
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
  bool trouble = false;  ///< a note about something lost, turned away, or a quirk
  std::string label;     ///< a few words: "request rx[3]"
  std::string text;      ///< and what it said; may be empty
  std::string shape;     ///< equal for items that only differ in what goes without saying
};

/// The items [first, first + size) came `times` times, and are there once.
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

/// Of the steps [first, last]. With `first` 0 it begins where the scenario does, not with the set-up before
/// it.
[[nodiscard]] Sequence sequence_of(const Journaled& journal, std::uint64_t first = 0,
                                   std::uint64_t last = ~std::uint64_t{0});

/// "8 x request rx[0..7], 480 bytes": label and count.
[[nodiscard]] std::string sequence_label(const SequenceItem& item);

// What is made of one.

/// For Mermaid, whose arrows are level; numbered by steps.
[[nodiscard]] std::string to_mermaid(const Sequence& sequence);
/// A picture for slides: arrows slant by the time that they took, and a cross ends what was lost.
[[nodiscard]] std::string to_svg(const Sequence& sequence);

}  // namespace ringside::trace
