// The screen of `ringside watch`, pane by pane: the machine's two rings, its event bits, its queues, the
// arrows between lanes, the console's screen, and one plain sentence about the step. If there is not enough
// room, the least important panes are left out first.
//
// Pure: reads a history, fills a canvas.
#pragma once

#include <string>

#include "tools/watch/canvas.h"
#include "tools/watch/history.h"

namespace ringside::tools {

/// From this many entries a second on, a sentence about each is unreadable.
inline constexpr unsigned watch_readable_per_second = 200;

/// Data that the history does not have.
struct WatchStatus {
  std::string who = "";  ///< "dom1 "web"", or that there is no domain
  unsigned per_second = 0;
  unsigned behind_ms = 0;   ///< how old the newest entry was when it was read
  std::string notice = "";  ///< shown in place of the keys; may be empty
  bool help = false;
  bool xenctld = false;  ///< in place of xend and xcs
};

void draw_watch(Canvas& canvas, const WatchStatus& status, const WatchHistory& history);

}  // namespace ringside::tools
