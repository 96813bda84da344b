// What `ringside watch` shows, pane by pane: the machine's two rings, its event bits, its queues, who hands
// what to whom, the console's screen, and one plain sentence about the step. What there is no room for is
// left out, the least important first.
//
// Pure: reads a history, fills a canvas.
#pragma once

#include <string>

#include "tools/watch/canvas.h"
#include "tools/watch/history.h"

namespace ringside::tools {

/// From so many entries a second on nobody can read a sentence about each.
inline constexpr unsigned watch_readable_per_second = 200;

/// What the history does not know.
struct WatchStatus {
  std::string who = "";  ///< "dom1 "web"", or that there is none
  unsigned per_second = 0;
  unsigned behind_ms = 0;   ///< how old the newest entry was when it was read
  std::string notice = "";  ///< in the place of the keys; may be empty
  bool help = false;
  bool xenctld = false;  ///< in place of xend and xcs
};

void draw_watch(Canvas& canvas, const WatchStatus& status, const WatchHistory& history);

}  // namespace ringside::tools
