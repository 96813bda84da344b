// The data that a watch keeps of one domain: the machine's present state, and the last entries, so that the
// user can pause and step back through them.
//
// Entries are kept in segments, each with the state of the machine before it. While the watch runs, a new
// segment replaces the oldest. While it is paused, the step shown must not be discarded, so all segments are
// kept, up to watch_segments_paused. Entries after that are only counted, and a new history begins when the
// watch continues. So the memory is bounded, however much a guest prints.
//
// Pure bookkeeping over entries.
#pragma once

#include <bitset>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "emu/trace/arrow.h"
#include "emu/trace/replay.h"
#include "tools/watch/console.h"
#include "tools/watch/kinds.h"
#include "tools/watch/life.h"

namespace ringside::tools {

inline constexpr std::size_t watch_segment_entries = 2000;
/// The segments that are kept while the watch runs; the last one is being filled.
inline constexpr std::size_t watch_segments = 3;
/// The segments that are kept while it is paused.
inline constexpr std::size_t watch_segments_paused = 2 * watch_segments;

/// The most byte positions kept for one place: what xend keeps for a console, and some more. Without a limit
/// they would grow, since a client other than ringside's never reports that it passed bytes on; and they are
/// copied for each segment.
inline constexpr std::size_t watch_place_bytes_max = std::size_t{80} << 10;

/// The state of the machine after a step.
struct WatchMoment {
  std::uint64_t step = 0;
  trace::Replay replay;
  trace::Flow flow{watch_place_bytes_max};
  trace::FlowStep last;
  ConsoleScreen console;
  bool console_used = false;
  Life life = Life::unknown;        ///< xen's last report about it
  std::bitset<trace::lanes> lanes;  ///< the lanes that have had an arrow

  void take(const trace::Entry& entry, std::uint32_t domain);
};

class WatchHistory {
 public:
  /// `life`: for a domain that exists already.
  explicit WatchHistory(std::uint32_t domain = 0, Life life = Life::unknown);

  /// The state before the first entry.
  void begin(const trace::JournalHeader& header);
  /// The next entry. Entries about other domains are left out, but not those about dom0.
  void take(const trace::Entry& entry);

  [[nodiscard]] std::uint32_t domain() const { return domain_; }
  [[nodiscard]] std::uint64_t newest() const { return now_.step; }
  /// The steps that can be shown; the first is newest() + 1 when there is none.
  [[nodiscard]] std::uint64_t first_kept() const { return segments_.front().before.step + 1; }
  [[nodiscard]] std::uint64_t last_kept() const {
    return segments_.back().before.step + segments_.back().entries.size();
  }
  /// Null if it is not kept.
  [[nodiscard]] const trace::Entry* entry(std::uint64_t step) const;
  /// The time of the first entry.
  [[nodiscard]] std::uint64_t origin_ns() const { return origin_ns_; }

  // -- what the user asks for
  /// Only entries of that kind are shown.
  void select(WatchKinds kinds) { kinds_ = kinds; }
  [[nodiscard]] WatchKinds selected() const { return kinds_; }
  /// Pauses, and follows a byte: only the steps that passed it on are shown. It is the first byte of the step
  /// shown, or of the last step before it that had bytes; if that step's byte is followed already, its next
  /// one. False: there is none.
  bool follow_byte();
  void follow_none();
  /// As text in quotes; empty: no byte is followed.
  [[nodiscard]] const std::string& followed() const { return followed_text_; }
  /// The kept steps that passed the byte on.
  [[nodiscard]] const std::set<std::uint64_t>& followed_steps() const { return followed_steps_; }
  /// Whether the selected kind and the followed byte show that step. False if it is not kept.
  [[nodiscard]] bool shows(std::uint64_t step) const;
  /// The nearest shown step before or after `step`; `step` itself if there is none.
  [[nodiscard]] std::uint64_t next_shown(std::uint64_t step, bool back) const;

  [[nodiscard]] bool paused() const { return shown_.has_value(); }
  void pause();
  void go_on();
  /// Pauses at that step, or at the nearest one that is kept.
  void go(std::uint64_t step);
  /// The moment shown: the newest, or the one at which it is paused.
  [[nodiscard]] const WatchMoment& shown() const { return shown_ ? *shown_ : now_; }

 private:
  struct Segment {
    WatchMoment before;
    std::vector<trace::Entry> entries;
  };
  [[nodiscard]] const Segment& segment_of(std::uint64_t step) const;
  void find_followed();
  [[nodiscard]] std::uint64_t last_with_bytes() const;
  void keep(const trace::Entry& entry);

  std::uint32_t domain_;
  std::uint64_t origin_ns_ = 0;
  WatchMoment now_;
  std::deque<Segment> segments_;  ///< never empty
  std::optional<WatchMoment> shown_;
  WatchKinds kinds_ = WatchKinds::all;
  std::optional<std::uint64_t> followed_;
  std::string followed_text_;
  std::set<std::uint64_t> followed_steps_;
};

}  // namespace ringside::tools
