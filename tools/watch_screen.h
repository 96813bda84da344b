// What `ringside watch` shows: the newest entries of a journal and the machine as it is after one of them, as
// lines of a screen. It keeps a window of the last entries, so that one can step back in it.
//
// Pure: entries and keys in, lines out. Whoever has the terminal puts them there.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "emu/trace/flow.h"
#include "emu/trace/replay.h"

namespace ringside::tools {

/// Entries that one can step back through.
inline constexpr std::size_t watch_window_entries = 2000;
/// Of what a console showed.
inline constexpr std::size_t watch_console_bytes = 8192;

struct WatchStyle {
  bool colour = true;
  bool ascii = false;
};

class WatchScreen {
 public:
  WatchScreen(WatchStyle style, std::optional<std::uint32_t> domain) : style_(style), domain_(domain) {}

  /// What the domain's page held when the watching began.
  void found(std::uint32_t domain, ring::Ring which, const trace::ReplayedRing& ring);
  void take(const trace::Entry& entry);

  enum class Asks : std::uint8_t { nothing, redraw, leave };
  /// A key, or the end of an escape sequence: "H" for Home, "F" for End, "C" and "D" for right and left.
  Asks key(char key, bool escaped);

  /// As many lines as there are rows, none wider than the columns.
  [[nodiscard]] std::vector<std::string> lines(std::size_t columns, std::size_t rows,
                                               unsigned per_second) const;
  [[nodiscard]] std::uint64_t steps() const { return steps_; }

 private:
  /// The machine after some entry.
  struct Moment {
    trace::Replay replay;
    trace::Flow flow;
    trace::FlowStep last;
    std::string console;
    void take(std::uint64_t step, const trace::Entry& entry, std::optional<std::uint32_t> domain);
  };
  class Page;

  [[nodiscard]] Moment moment() const;
  void rings(Page& page, const Moment& moment) const;
  void events(Page& page, const Moment& moment) const;
  void messages(Page& page, std::size_t rows) const;
  void console(Page& page, const Moment& moment, std::size_t rows) const;
  void help(Page& page) const;

  WatchStyle style_;
  std::optional<std::uint32_t> domain_;
  std::deque<trace::Entry> window_;
  Moment before_;  ///< what is in the window
  Moment now_;
  std::uint64_t steps_ = 0;  ///< the last entry's
  std::uint64_t shown_ = 0;  ///< while it stands still
  std::uint64_t origin_ns_ = 0;
  bool paused_ = false;
  bool help_ = false;
};

}  // namespace ringside::tools
