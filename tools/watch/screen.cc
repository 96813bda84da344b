// The panes, and how many rows each gets.
#include "tools/watch/screen.h"

#include <fmt/format.h>

#include <algorithm>

#include "emu/trace/plain.h"
#include "emu/trace/text.h"
#include "tools/watch/lanes.h"
#include "tools/watch/rings.h"

namespace ringside::tools {

using trace::Role;

namespace {

constexpr unsigned late_ms = 500;  ///< from here on the delay is shown

// The number of rows from which there is room for each pane.
constexpr std::size_t footer_from = 4;
constexpr std::size_t long_sentence_from = 10;
constexpr std::size_t bits_from = 12;
constexpr std::size_t slots_from = 22;
constexpr std::size_t full_rings_from = 32;
constexpr std::size_t slots_from_columns = 60;
constexpr std::size_t roomy_queues_columns = 105;
/// How many rows must be left for arrows and console before the console gets some of them.
constexpr std::size_t console_from = 7;

void draw_title(Canvas& canvas, const WatchStatus& status, const WatchHistory& history) {
  const WatchMoment& shown = history.shown();
  std::string text = fmt::format(" ringside watch  {}", status.who);
  if (shown.life != Life::unknown) text += fmt::format(" {}", life_name(shown.life));
  text += history.paused() ? fmt::format("   PAUSED at step {} of {}", shown.step, history.newest())
                           : fmt::format("   LIVE  step {}", shown.step);
  text += fmt::format("   {}/s", status.per_second);
  if (history.selected() != WatchKinds::all)
    text += fmt::format("   ONLY {}", kinds_name(history.selected()));
  if (!history.followed().empty())
    text += fmt::format("   BYTE {}: {} hops", history.followed(), history.followed_steps().size());
  if (status.behind_ms >= late_ms)
    text += fmt::format("   {}.{} s BEHIND", status.behind_ms / 1000, status.behind_ms % 1000 / 100);
  canvas.text(0, 0, text);
  canvas.tint(0, Tone::title);
}

void draw_footer(Canvas& canvas, const WatchStatus& status, const WatchHistory& history) {
  const std::size_t row = canvas.rows() - 1;
  if (!status.notice.empty()) {
    canvas.text(row, 1, status.notice, Tone::bad);
    return;
  }
  std::string text = " space ";
  text += history.paused() ? "play" : "pause";
  text += history.paused() ? "  , .  Home End  ? help  q quit" : "  , . step  Home End  ? help  q quit";
  if (history.paused() && history.first_kept() <= history.last_kept()) {
    text += fmt::format("   kept {} to {}", history.first_kept(), history.last_kept());
    if (history.last_kept() < history.newest()) text += ", no more";
  }
  canvas.text(row, 0, text, Tone::quiet);
}

std::string sentence_of(const WatchStatus& status, const WatchHistory& history) {
  const WatchMoment& shown = history.shown();
  if (!history.paused() && status.per_second > watch_readable_per_second) {
    return fmt::format("{} entries a second: too many to read. Space pauses; then , and . step through them.",
                       status.per_second);
  }
  const trace::Entry* entry = history.entry(shown.step);
  if (entry == nullptr)
    return shown.step == 0 ? "Nothing has happened since the watch began. Type something at a console." : "";
  return trace::plain_sentence(*entry, shown.replay, shown.last);
}

/// In at most this many rows; if the sentence is longer, the last row shows that it is cut.
void draw_sentence(Canvas& canvas, std::size_t row, std::size_t rows, std::string_view text) {
  const std::size_t room = canvas.columns();
  for (std::size_t at = 0; at < rows && !text.empty(); ++at) {
    std::size_t cut = text.size();
    if (cut > room) {
      cut = text.rfind(' ', room);
      if (cut == std::string_view::npos || cut == 0) cut = room;
    }
    const bool more = at + 1 == rows && cut < text.size();
    if (more && room > 4) cut = std::min(cut, room - 4);
    const std::size_t end = canvas.text(row + at, 0, text.substr(0, cut), Tone::strong);
    if (more) canvas.text(row + at, end, " ...", Tone::strong);
    text.remove_prefix(std::min(text.size(), text.substr(cut).starts_with(' ') ? cut + 1 : cut));
  }
}

/// "dom1 port 1: pending 0 masked 0 selected 0", for each port that has had an event.
void draw_bits(Canvas& canvas, std::size_t row, const WatchHistory& history) {
  std::size_t column = canvas.text(row, 0, "events", Tone::strong);
  const auto bit = [&](std::string_view name, bool set) {
    column = canvas.text(row, column, fmt::format(" {} ", name));
    column = canvas.text(row, column, set ? "1" : "0", set ? Tone::event : Tone::quiet);
  };
  bool any = false;
  // The guest's ports come first.
  for (const bool guests : {true, false}) {
    for (const auto& [key, port] : history.shown().replay.ports()) {
      if ((key.first != 0) != guests) continue;
      any = true;
      column = canvas.text(row, column, fmt::format("  dom{} port {}", key.first, key.second));
      bit("pending", port.pending);
      bit("mask", port.masked);
      if (guests) bit("sel", port.selected);
    }
  }
  if (!any) canvas.text(row, column, "  none yet", Tone::quiet);
}

void draw_queues(Canvas& canvas, std::size_t row, bool xenctld, const WatchHistory& history) {
  const WatchMoment& shown = history.shown();
  const Role daemon = xenctld ? Role::xenctld : Role::xend;
  std::size_t column = canvas.text(row, 0, "bytes", Tone::strong) + 1;
  // With enough room a number keeps its place when it grows.
  const bool roomy = canvas.columns() >= roomy_queues_columns;
  const std::string_view gap = roomy ? "  " : " ";
  const std::size_t digits = roomy ? 5 : 1;
  const auto level = [&](const trace::FlowPlace& place, std::string_view name) {
    const std::size_t bytes = shown.flow.level(place);
    column = canvas.text(row, column, fmt::format("{}{} ", gap, name));
    column = canvas.text(row, column, fmt::format("{:<{}}", bytes, digits),
                         bytes == 0 ? Tone::quiet : Tone::request);
  };
  const auto of = [&](Role role, bool down) {
    return trace::FlowPlace{.role = role, .domain = history.domain(), .down = down};
  };
  const auto ring = [&](bool down) {
    const bool today = shown.replay.is_today(history.domain());
    return trace::FlowPlace{.ring = today ? trace::FlowRing::bytes : trace::FlowRing::messages,
                            .domain = history.domain(),
                            .down = down};
  };
  if (shown.replay.is_today(history.domain())) {
    column = canvas.text(row, column, " down:", Tone::strong);
    level(of(Role::xenconsoled, true), "xenconsoled");
    level(ring(true), "in");
    level(of(Role::domain, true), "domU");
    column = canvas.text(row, column, " up:", Tone::strong);
    level(of(Role::domain, false), "domU");
    level(ring(false), "out");
    level(of(Role::xenconsoled, false), "xenconsoled");
    const std::uint64_t taken = shown.flow.totals(history.domain(), false).unseen;
    canvas.text(row, column, fmt::format("{}unknown {}", gap, taken), Tone::quiet);
    return;
  }
  const std::string_view daemon_name = trace::lane_name(trace::lane_of(daemon));
  column = canvas.text(row, column, " down:", Tone::strong);
  level(of(daemon, true), daemon_name);
  if (!xenctld) level(of(Role::xcs, true), "xcs");
  level(ring(true), "rx");
  level(of(Role::domain, true), "domU");
  column = canvas.text(row, column, " up:", Tone::strong);
  level(of(Role::domain, false), "domU");
  level(ring(false), "tx");
  if (!xenctld) level(of(Role::xcs, false), "xcs");
  level(of(daemon, false), daemon_name);
}

/// A heading, and the screen's last rows.
void draw_console(Canvas& canvas, std::size_t first, std::size_t end, const WatchMoment& moment, bool today) {
  canvas.heading(first, !moment.console_used ? "console: no output shown yet"
                        : today              ? "console: what the guest has written into out"
                                             : "console, as its viewer sees it");
  if (!moment.console_used) return;
  const ConsoleScreen& console = moment.console;
  const std::size_t rows = end - first - 1;
  const std::size_t used = console.used_rows();
  const std::size_t top = used - std::min(used, rows);
  for (std::size_t at = top; at < used; ++at) {
    const std::size_t row = first + 1 + at - top;
    const ConsoleScreen::Row glyphs = console.row(at);
    for (std::size_t column = 0; column < ConsoleScreen::columns; ++column)
      canvas.put(row, column, glyphs[column]);
    if (at != console.cursor_row()) continue;
    // If the cursor is on the right half of a wide character, the whole character is marked.
    std::size_t column = std::min(console.cursor_column(), ConsoleScreen::columns - 1);
    if (column > 0 && glyphs[column].columns == 0) --column;
    canvas.put(row, column, glyphs[column], Tone::chosen);
  }
}

constexpr std::string_view help_lines[] = {
    "space      pause; again: continue, with the newest step",
    ", .        one step back, one forward; also the left and right arrows",
    "up down    ten steps back, ten forward",
    "Home End   the oldest step that is kept; the newest, and continue",
    "0 to 9     to 0 % ... 90 % of what is kept",
    "Tab        watch the next domain",
    "k          only bytes, rings, frames, events, trouble, lives; all again",
    "f          follow a byte of this step; again: its next byte;  a: all steps",
    "? q        these lines; quit (the machine continues)",
    "",
    "The last 4000 to 6000 steps are kept. While paused none of them is",
    "discarded, and up to 12,000 can be shown; later ones are only counted.",
    "",
    "slots      . free        # req: a request that has no response yet",
    "           + rsp: a response that was not taken yet   - sta: stale, free",
    "           beside it the message's length in bytes",
    "indices    below the slots: where req_prod, req_cons, rsp_prod, rsp_cons point",
    "in, out    the byte rings of a domain of today: # where bytes wait; its indices,",
    "           those of xenconsoled as the guest has found them last; bytes that",
    "           xenconsoled took, and no viewer reports, are unknown",
    "bytes      the bytes that wait at each place, down to the guest and up",
    "arrows     from sender to receiver; evt: event channel, page: the shared page",
    "red        lost, refused, a full ring, or a quirk of 2005",
};

void draw_help(Canvas& canvas) {
  std::size_t row = 2;
  for (const std::string_view line : help_lines) canvas.text(row++, 1, line);
}

/// Draws the rings, and returns the row after them.
std::size_t draw_rings(Canvas& canvas, std::size_t row, const WatchHistory& history) {
  const bool slots = canvas.rows() >= slots_from && canvas.columns() >= slots_from_columns;
  const RingDetail detail = !slots                             ? RingDetail::line
                            : canvas.rows() >= full_rings_from ? RingDetail::full
                                                               : RingDetail::small;
  const trace::Replay& replay = history.shown().replay;
  if (replay.is_today(history.domain())) {
    for (const trace::ByteRing which : {trace::ByteRing::out, trace::ByteRing::in}) {
      draw_ring(canvas, row, detail, which, replay.byte_ring(history.domain(), which));
      row += ring_rows(detail);
    }
    return row;
  }
  for (const ring::Ring which : {ring::Ring::tx, ring::Ring::rx}) {
    draw_ring(canvas, row, detail, which, replay.ring(history.domain(), which));
    row += ring_rows(detail);
  }
  return row;
}

}  // namespace

void draw_watch(Canvas& canvas, const WatchStatus& status, const WatchHistory& history) {
  const std::size_t rows = canvas.rows();
  if (rows == 0 || canvas.columns() == 0) return;
  draw_title(canvas, status, history);
  const bool footer = rows >= footer_from;
  if (footer) draw_footer(canvas, status, history);
  const std::size_t end = footer ? rows - 1 : rows;
  if (status.help) {
    draw_help(canvas);
    return footer ? draw_footer(canvas, status, history) : void();
  }
  const std::size_t sentence_rows = rows >= long_sentence_from ? 2 : 1;
  std::size_t row = 1;
  if (row + sentence_rows > end) return;
  draw_sentence(canvas, row, sentence_rows, sentence_of(status, history));
  row += sentence_rows;
  if (row + 2 > end) return;
  row = draw_rings(canvas, row, history);
  if (rows >= bits_from) {
    draw_bits(canvas, row++, history);
    draw_queues(canvas, row++, status.xenctld, history);
  }
  const std::size_t left = end - row;
  const std::size_t console_rows = left >= console_from ? std::min(ConsoleScreen::rows + 1, left * 2 / 5) : 0;
  if (left >= 2) draw_lanes(canvas, history, status.xenctld, row, end - console_rows);
  if (console_rows != 0)
    draw_console(canvas, end - console_rows, end, history.shown(),
                 history.shown().replay.is_today(history.domain()));
}

}  // namespace ringside::tools
