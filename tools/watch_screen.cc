// The panes of the watch.
#include "tools/watch_screen.h"

#include <fmt/format.h>

#include <algorithm>

#include "emu/trace/lines.h"
#include "emu/trace/names.h"
#include "emu/trace/plain.h"
#include "emu/trace/text.h"

namespace ringside::tools {

namespace {

using trace::Entry;
using trace::IndexName;
using trace::Kind;
using trace::Role;
using trace::SlotState;

enum class Tone : std::uint8_t { plain, strong, quiet, good, busy, bad, chosen };

std::string_view code_of(Tone tone) {
  switch (tone) {
    case Tone::plain:
      return "";
    case Tone::strong:
      return "1";
    case Tone::quiet:
      return "2";
    case Tone::good:
      return "32";
    case Tone::busy:
      return "33";
    case Tone::bad:
      return "31;1";
    case Tone::chosen:
      return "7";
  }
  return "";
}

Tone tone_of(SlotState state) {
  switch (state) {
    case SlotState::request:
      return Tone::busy;
    case SlotState::answered:
      return Tone::good;
    case SlotState::free:
    case SlotState::stale:
      break;
  }
  return Tone::quiet;
}

Tone tone_of(const Entry& entry) {
  switch (trace::marker(entry)) {
    case '!':
    case '*':
      return Tone::bad;
    case ' ':
      return Tone::plain;
    default:
      return Tone::busy;
  }
}

bool is_seen_by_person(const Entry& entry) {
  return entry.kind == Kind::bytes_passed && entry.peer.role == Role::user;
}

}  // namespace

// -- lines

/// Lines under construction. All text in it is plain ASCII, so that a character is a column.
class WatchScreen::Page {
 public:
  Page(WatchStyle style, std::size_t columns, std::size_t rows)
      : style_(style), columns_(columns), rows_(rows) {}

  [[nodiscard]] std::size_t columns() const { return columns_; }
  [[nodiscard]] std::size_t left() const { return rows_ - std::min(rows_, lines_.size()); }

  void line(std::string_view text, Tone tone = Tone::plain) { lines_.push_back(part(text, columns_, tone)); }
  /// Two halves, each with its tone.
  void halves(std::string_view one, Tone tone, std::string_view other, Tone other_tone) {
    const std::size_t half = columns_ / 2;
    lines_.push_back(part(one, half, tone) + part(other, columns_ - half, other_tone));
  }
  void heading(std::string_view text) {
    const std::string_view dash = style_.ascii ? "-" : "\u2500";
    const std::string cut(text.substr(0, columns_ > 4 ? columns_ - 4 : 0));
    std::string drawn = fmt::format("{0}{0} {1} ", dash, cut);
    for (std::size_t at = cut.size() + 4; at < columns_; ++at) drawn += dash;
    lines_.push_back(styled(drawn, Tone::quiet));
  }
  void wrapped(std::string_view text, std::size_t lines_max, Tone tone) {
    for (std::size_t count = 0; count < lines_max; ++count) {
      std::size_t cut = text.size();
      if (cut > columns_) {
        cut = text.rfind(' ', columns_);
        if (cut == std::string_view::npos || cut == 0) cut = columns_;
      }
      line(text.substr(0, cut), tone);
      text.remove_prefix(std::min(text.size(), cut + 1));
    }
  }
  [[nodiscard]] std::vector<std::string> end() {
    lines_.resize(rows_);
    return std::move(lines_);
  }

 private:
  [[nodiscard]] std::string styled(std::string_view text, Tone tone) const {
    const bool wanted = style_.colour || tone == Tone::chosen || tone == Tone::strong;
    const std::string_view code = code_of(tone);
    if (code.empty() || !wanted) return std::string(text);
    return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
  }
  /// Filled up with blanks to its width.
  [[nodiscard]] std::string part(std::string_view text, std::size_t width, Tone tone) const {
    return styled(fmt::format("{:<{}}", text.substr(0, width), width), tone);
  }

  WatchStyle style_;
  std::size_t columns_;
  std::size_t rows_;
  std::vector<std::string> lines_;
};

// -- what was taken in

void WatchScreen::Moment::take(std::uint64_t step, const Entry& entry, std::optional<std::uint32_t> domain) {
  replay.take(step, entry);
  last = flow.take(step, entry);
  if (!is_seen_by_person(entry) || (domain && entry.domain != *domain)) return;
  const auto bytes = entry.message.payload();
  console.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (console.size() > watch_console_bytes) console.erase(0, console.size() - watch_console_bytes / 2);
}

void WatchScreen::found(std::uint32_t domain, ring::Ring which, const trace::ReplayedRing& ring) {
  before_.replay.begin(domain, which, ring);
  now_.replay.begin(domain, which, ring);
}

void WatchScreen::take(const Entry& entry) {
  if (steps_ == 0) origin_ns_ = entry.time_ns;
  if (!domain_ && entry.domain != 0) domain_ = entry.domain;
  now_.take(++steps_, entry, domain_);
  window_.push_back(entry);
  if (window_.size() <= watch_window_entries) return;
  before_.take(steps_ - watch_window_entries, window_.front(), domain_);
  window_.pop_front();
  // What is stepped through must not leave the window.
  shown_ = std::max(shown_, steps_ - watch_window_entries + 1);
}

WatchScreen::Moment WatchScreen::moment() const {
  Moment then = before_;
  std::uint64_t step = steps_ - window_.size();
  for (const Entry& entry : window_) {
    if (step == shown_) break;
    then.take(++step, entry, domain_);
  }
  return then;
}

WatchScreen::Asks WatchScreen::key(char key, bool escaped) {
  const auto go = [&](std::uint64_t step) {
    paused_ = true;
    const std::uint64_t first = steps_ - window_.size() + 1;
    shown_ = std::clamp(step, std::min(first, steps_), steps_);
    return Asks::redraw;
  };
  const std::uint64_t at = paused_ ? shown_ : steps_;
  if (escaped) {
    if (key == 'H') return go(0);
    if (key == 'D') return go(at == 0 ? 0 : at - 1);
    if (key == 'C') return go(at + 1);
    if (key != 'F') return Asks::nothing;
    paused_ = false;
    return Asks::redraw;
  }
  switch (key) {
    case ' ':
      paused_ = !paused_;
      shown_ = steps_;
      return Asks::redraw;
    case ',':
      return go(at == 0 ? 0 : at - 1);
    case '.':
      return go(at + 1);
    case '?':
      help_ = !help_;
      return Asks::redraw;
    case 'q':
    case 3:  // Ctrl-C
      return Asks::leave;
    default:
      return Asks::nothing;
  }
}

// -- panes

void WatchScreen::rings(Page& page, const Moment& moment) const {
  const std::uint32_t domain = domain_.value_or(0);
  const trace::ReplayedRing& tx = moment.replay.ring(domain, ring::Ring::tx);
  const trace::ReplayedRing& rx = moment.replay.ring(domain, ring::Ring::rx);
  page.heading("rings: . free  # request  + answered  - stale");
  const auto title = [](const trace::ReplayedRing& ring, ring::Ring which) {
    return fmt::format("{}   {}", trace::ring_text(which, ring),
                       which == ring::Ring::tx ? "guest -> dom0" : "dom0 -> guest");
  };
  const auto full = [](const trace::ReplayedRing& ring) {
    return ring.outstanding() >= ring::slots_per_ring ? Tone::bad : Tone::strong;
  };
  page.halves(title(tx, ring::Ring::tx), full(tx), title(rx, ring::Ring::rx), full(rx));
  const auto indices = [](const trace::ReplayedRing& ring, IndexName one, IndexName other) {
    const auto text = [&](IndexName name) {
      if (!ring.knows(name)) return fmt::format("{} ?", trace::index_name(name));
      return fmt::format("{} {} &7={}", trace::index_name(name), ring.at(name), ring::slot_of(ring.at(name)));
    };
    return fmt::format("{:<24} {}", text(one), text(other));
  };
  for (const auto& [one, other] :
       {std::pair{IndexName::req_prod, IndexName::rsp_prod}, {IndexName::req_cons, IndexName::rsp_cons}})
    page.halves(indices(tx, one, other), Tone::plain, indices(rx, one, other), Tone::plain);
  for (std::size_t at = 0; at < ring::slots_per_ring; ++at) {
    const auto slot = [at](const trace::ReplayedSlot& its) {
      if (its.state == SlotState::free) return fmt::format("[{}] .", at);
      return fmt::format("[{}] {} {}", at, trace::slot_glyph(its.state), trace::message_text(its.message));
    };
    page.halves(slot(tx.slots[at]), tone_of(tx.slots[at].state), slot(rx.slots[at]),
                tone_of(rx.slots[at].state));
  }
}

void WatchScreen::events(Page& page, const Moment& moment) const {
  const std::uint32_t domain = domain_.value_or(0);
  std::string text = "events";
  for (const auto& [key, port] : moment.replay.ports()) {
    if (key.first != 0 && key.first != domain) continue;
    text += fmt::format("   {} port {}:{}{}{}", key.first == 0 ? "dom0" : fmt::format("dom{}", key.first),
                        key.second, port.pending ? " PENDING" : " -", port.masked ? " MASKED" : "",
                        port.selected ? " SEL" : "");
  }
  page.line(text);
  std::string queues = "queues";
  for (const bool down : {true, false}) {
    queues += down ? "   down:" : "   up:";
    for (const Role role : {Role::xend, Role::xenctld, Role::xcs, Role::domain}) {
      const std::size_t level =
          moment.flow.level({.ring = false, .role = role, .domain = domain, .down = down});
      if (level != 0)
        queues += fmt::format(" {} {}", role == Role::domain ? "guest" : trace::actor_name({role}), level);
    }
    queues += fmt::format(" ring {}", moment.flow.level({.ring = true, .domain = domain, .down = down}));
  }
  page.line(queues + " bytes");
}

void WatchScreen::messages(Page& page, std::size_t rows) const {
  const std::uint64_t at = paused_ ? shown_ : steps_;
  const std::uint64_t first_kept = steps_ - window_.size() + 1;
  // The one that is looked at stands last, but for a few that come behind it.
  const std::uint64_t behind = std::min<std::uint64_t>(steps_ - at, rows / 3);
  const std::uint64_t last = at + behind;
  const std::uint64_t first = std::max(first_kept, last >= rows ? last - rows + 1 : 1);
  for (std::uint64_t step = first; step <= last && step <= steps_; ++step) {
    const Entry& entry = window_[static_cast<std::size_t>(step - first_kept)];
    const bool chosen = paused_ && step == at;
    page.line(trace::to_text(entry, step, origin_ns_), chosen ? Tone::chosen : tone_of(entry));
  }
  for (std::uint64_t shown = last < first ? 0 : last - first + 1; shown < rows; ++shown) page.line("");
}

void WatchScreen::console(Page& page, const Moment& moment, std::size_t rows) const {
  page.heading("what was to be seen");
  std::vector<std::string> lines(1);
  for (std::size_t at = 0; at < moment.console.size(); ++at) {
    const char c = moment.console[at];
    if (c == '\x1b' && at + 1 < moment.console.size() && moment.console[at + 1] == '[') {
      for (at += 2; at < moment.console.size() && (moment.console[at] < '@' || moment.console[at] > '~');)
        ++at;
    } else if (c == '\n') {
      lines.emplace_back();
    } else if (c == '\b') {
      if (!lines.back().empty()) lines.back().pop_back();
    } else if (c >= 0x20 && c < 0x7f) {
      lines.back() += c;
    } else if (c != '\r' && c != '\a') {
      lines.back() += '.';
    }
  }
  const std::size_t first = lines.size() > rows ? lines.size() - rows : 0;
  for (std::size_t at = first; at < lines.size(); ++at) page.line(lines[at]);
}

void WatchScreen::help(Page& page) const {
  for (const std::string_view line :
       {"space   stand still, or go on", ",  .    one step back, one step on (or the arrow keys)",
        "Home    the oldest entry that is kept", "End     the newest, and go on", "?       these lines",
        "q       leave; nothing of the machine ends with it", "",
        "Columns of entries: milliseconds, step, who does what to whom.",
        "Red: lost, turned away, or a quirk of 2005. A ring with 8 of 8 is full: who asks has to wait."})
    page.line(line);
}

std::vector<std::string> WatchScreen::lines(std::size_t columns, std::size_t rows,
                                            unsigned per_second) const {
  Page page(style_, columns, rows);
  std::optional<Moment> then;
  if (paused_) then = moment();
  const Moment& shown = then ? *then : now_;
  const std::uint64_t at = paused_ ? shown_ : steps_;
  page.line(fmt::format("ringside watch  {}  step {}{}   {} entries/s   ? keys  q leaves",
                        domain_ ? fmt::format("dom{}", *domain_) : "no domain yet", at,
                        paused_ ? fmt::format(" of {}  STANDS STILL", steps_) : "  LIVE", per_second),
            Tone::chosen);
  if (help_) {
    help(page);
    return page.end();
  }
  const std::uint64_t first_kept = steps_ - window_.size() + 1;
  const std::string plain =
      at == 0 ? "Nothing has happened since the watching began. Type something at a console."
              : trace::plain_sentence(window_[static_cast<std::size_t>(at - first_kept)], shown.replay,
                                      shown.last);
  constexpr std::size_t sentence_lines = 2;
  constexpr std::size_t console_rows_max = 7;
  constexpr std::size_t list_rows_min = 3;
  page.wrapped(plain, sentence_lines, Tone::strong);
  rings(page, shown);
  events(page, shown);
  const std::size_t left = page.left();
  const std::size_t console_rows = left > list_rows_min + 3 ? std::min(console_rows_max, (left - 2) / 3) : 0;
  page.heading("entries");
  const std::size_t headings = console_rows == 0 ? 1 : 2;
  messages(page, left > console_rows + headings ? left - console_rows - headings : 0);
  if (console_rows != 0) console(page, shown, console_rows);
  return page.end();
}

}  // namespace ringside::tools
