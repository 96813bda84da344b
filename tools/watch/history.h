// What a watch knows of one domain: the machine as it is now, and the last entries, so that one can stand
// still and step back through them.
//
// Entries are kept in stretches, each with the machine as it was before it. While nothing stands still the
// oldest stretch makes place for a new one. What one looks at must not slip away: while it stands still all
// stretches stay, as long as there is room for more; what comes after that is counted and shown, but cannot
// be stepped to, and a new history begins once it goes on. So it is bounded, however much a guest says.
//
// Pure bookkeeping: entries in, moments out.
#pragma once

#include <bitset>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "emu/trace/arrow.h"
#include "emu/trace/replay.h"
#include "tools/watch/console.h"

namespace ringside::tools {

inline constexpr std::size_t watch_stretch_entries = 2000;
/// While it goes on; the last of them is being filled.
inline constexpr std::size_t watch_stretches = 3;
/// While it stands still.
inline constexpr std::size_t watch_stretches_paused = 2 * watch_stretches;

/// What xend keeps for a console, and some. Where bytes are is copied for each stretch; and a client that is
/// not ours never tells that it handed them on.
inline constexpr std::size_t watch_place_bytes_max = std::size_t{80} << 10;

/// The machine after a step.
struct WatchMoment {
  std::uint64_t step = 0;
  trace::Replay replay;
  trace::Flow flow{watch_place_bytes_max};
  trace::FlowStep last;
  ConsoleScreen console;
  bool console_used = false;
  std::string life;                 ///< "running", "paused", "crashed: ...": what xen said last of it
  std::bitset<trace::lanes> lanes;  ///< that have had an arrow

  void take(const trace::Entry& entry, std::uint32_t domain);
};

class WatchHistory {
 public:
  /// `life`: of a domain that is there already.
  explicit WatchHistory(std::uint32_t domain = 0, std::string life = "");

  /// What was there before the first entry.
  void begin(const trace::JournalHeader& header);
  /// The next entry; one that is about another domain is left out.
  void take(const trace::Entry& entry);

  [[nodiscard]] std::uint32_t domain() const { return domain_; }
  [[nodiscard]] std::uint64_t newest() const { return now_.step; }
  /// The steps that can be gone to; the first is newest() + 1 when there is none.
  [[nodiscard]] std::uint64_t first_kept() const { return stretches_.front().before.step + 1; }
  [[nodiscard]] std::uint64_t last_kept() const {
    return stretches_.back().before.step + stretches_.back().entries.size();
  }
  /// Null if it is not kept.
  [[nodiscard]] const trace::Entry* entry(std::uint64_t step) const;
  /// Of the first entry that there was.
  [[nodiscard]] std::uint64_t origin_ns() const { return origin_ns_; }

  [[nodiscard]] bool paused() const { return shown_.has_value(); }
  void pause();
  void go_on();
  /// Stands still at that step, or the nearest that is kept.
  void go(std::uint64_t step);
  /// What one looks at: the newest, or where it stands still.
  [[nodiscard]] const WatchMoment& shown() const { return shown_ ? *shown_ : now_; }

 private:
  struct Stretch {
    WatchMoment before;
    std::vector<trace::Entry> entries;
  };
  [[nodiscard]] const Stretch& stretch_of(std::uint64_t step) const;
  void keep(const trace::Entry& entry);

  std::uint32_t domain_;
  std::uint64_t origin_ns_ = 0;
  WatchMoment now_;
  std::deque<Stretch> stretches_;  ///< never empty
  std::optional<WatchMoment> shown_;
};

}  // namespace ringside::tools
