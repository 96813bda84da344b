// Rows of arrows.
#include "tools/watch/lanes.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <span>

#include "emu/trace/lines.h"
#include "emu/trace/names.h"
#include "emu/trace/text.h"

namespace ringside::tools {

using trace::Entry;
using trace::Kind;
using trace::Lane;

namespace {

constexpr std::size_t step_columns = 7;
constexpr std::size_t time_columns = 11;
constexpr std::size_t wide_columns = 110;  ///< from here on there is a column for times
constexpr std::size_t words_columns_min = 34;
constexpr std::size_t pitch_min = 5;
constexpr std::size_t pitch_max = 9;

/// Shown from the beginning, so that the picture does not change its layout.
constexpr Lane usual_lanes[] = {Lane::user, Lane::event, Lane::page, Lane::domain, Lane::tty};
constexpr Lane two_daemons[] = {Lane::xend, Lane::xcs};
constexpr Lane one_daemon[] = {Lane::xenctld};
constexpr Lane daemon_today[] = {Lane::xenconsoled};

/// The columns of everything in a row.
struct Layout {
  std::vector<Lane> lanes;
  std::size_t first = 0;
  std::size_t pitch = pitch_min;
  bool times = false;

  [[nodiscard]] std::size_t middle(std::size_t at) const { return first + at * pitch + pitch / 2; }
  [[nodiscard]] std::size_t words() const { return first + lanes.size() * pitch + 1; }
  [[nodiscard]] std::size_t at(Lane lane) const {
    return static_cast<std::size_t>(std::ranges::find(lanes, lane) - lanes.begin());
  }
};

std::span<const Lane> daemons(bool today, bool xenctld) {
  if (today) return daemon_today;
  return xenctld ? std::span<const Lane>(one_daemon) : std::span<const Lane>(two_daemons);
}

Layout layout_of(std::size_t columns, const WatchMoment& moment, std::span<const Lane> its_daemons) {
  Layout layout;
  auto used = moment.lanes;
  const auto use = [&used](std::span<const Lane> lanes) {
    for (const Lane lane : lanes) used.set(static_cast<std::size_t>(lane));
  };
  use(usual_lanes);
  use(its_daemons);
  for (std::size_t at = 0; at < trace::lanes; ++at) {
    if (used[at]) layout.lanes.push_back(static_cast<Lane>(at));
  }
  layout.times = columns >= wide_columns;
  layout.first = step_columns + (layout.times ? time_columns : 0);
  const std::size_t taken = layout.first + std::max(words_columns_min, columns * 2 / 5);
  layout.pitch = std::clamp((columns - std::min(columns, taken)) / layout.lanes.size(), pitch_min, pitch_max);
  return layout;
}

std::string_view name_of(Lane lane, std::size_t pitch) {
  const std::string_view name = trace::lane_name(lane);
  if (name.size() < pitch) return name;
  if (lane == Lane::event) return "evt";
  if (lane == Lane::client) return "cli";
  if (lane == Lane::xenconsoled) return "consd";
  return lane == Lane::xenctld ? "ctld" : name.substr(0, pitch - 1);
}

Tone tone_of(const Entry& entry) {
  const char mark = trace::marker(entry);
  if (mark == '!' || mark == '*') return Tone::bad;
  switch (entry.kind) {
    case Kind::event_raised:
    case Kind::event_taken:
    case Kind::mask_changed:
      return Tone::event;
    case Kind::slot_written:
    case Kind::index_moved:
    case Kind::bytes_written:
    case Kind::byte_index_moved:
    case Kind::byte_index_found:
    case Kind::bytes_found:
    case Kind::frame_passed:
    case Kind::frame_taken:
    case Kind::bytes_passed:
    case Kind::refused:
    case Kind::counted:
    case Kind::quirk:
    case Kind::told:
      break;
  }
  return Tone::plain;
}

void draw_arrow(Canvas& canvas, std::size_t row, const Layout& layout, trace::Arrow arrow, Tone tone) {
  for (std::size_t at = 0; at < layout.lanes.size(); ++at)
    canvas.line(row, layout.middle(at), Line::down, Tone::quiet);
  const std::size_t from = layout.at(arrow.from);
  const std::size_t to = layout.at(arrow.to);
  if (from == layout.lanes.size() || to == layout.lanes.size()) return;
  if (from == to) return canvas.line(row, layout.middle(from), Line::note, tone);
  const auto [left, right] = std::minmax({layout.middle(from), layout.middle(to)});
  for (std::size_t column = left + 1; column < right; ++column) canvas.line(row, column, Line::across, tone);
  canvas.line(row, layout.middle(from), Line::begin, tone);
  canvas.line(row, layout.middle(to), from < to ? Line::rightwards : Line::leftwards, tone);
}

void draw_entry(Canvas& canvas, std::size_t row, const Layout& layout, const WatchHistory& history,
                std::uint64_t step) {
  const Entry* entry = history.entry(step);
  if (entry == nullptr) return;
  const WatchMoment& shown = history.shown();
  const bool to_come = step > shown.step;
  const Tone tone = to_come ? Tone::quiet : tone_of(*entry);
  canvas.text(row, 0, fmt::format("{:>6}", step), Tone::quiet);
  if (layout.times) {
    const auto ns = static_cast<std::int64_t>(entry->time_ns - history.origin_ns());
    canvas.text(row, step_columns - 1, fmt::format("{:>11.3f}", static_cast<double>(ns) / 1e6), Tone::quiet);
  }
  draw_arrow(canvas, row, layout, trace::arrow_of(*entry, shown.flow), tone);
  canvas.text(row, layout.words(), few_words(*entry), tone);
  if (history.paused() && step == shown.step) canvas.tint(row, Tone::chosen);
}

std::string payload(const ring::ControlMessage& message) {
  if (message.type != ring::CMSG_CONSOLE) return trace::message_text(message);
  if (message.payload().empty()) return "";
  return fmt::format("{} {}", message.payload().size(), trace::quoted(message.payload()));
}

std::string_view short_outcome(ring::Raised outcome) {
  switch (outcome) {
    case ring::Raised::kick:
      return "wakes";
    case ring::Raised::already_pending:
      return "was pending already";
    case ring::Raised::masked:
      return "is masked";
    case ring::Raised::already_selected:
      return "was selected already";
  }
  return "";
}

/// At most `rows` steps. While it is paused the selected step is among them, and has only a few later steps
/// below it, unless there are too few steps before it.
std::vector<std::uint64_t> steps_shown(const WatchHistory& history, std::uint64_t rows) {
  std::deque<std::uint64_t> steps;
  const auto grow = [&](bool back, std::uint64_t rows_max) {
    while (steps.size() < rows_max) {
      const std::uint64_t edge = back ? steps.front() : steps.back();
      const std::uint64_t next = history.next_shown(edge, back);
      if (next == edge) return;
      back ? steps.push_front(next) : steps.push_back(next);
    }
  };
  if (rows == 0) return {};
  if (history.paused()) {
    const std::uint64_t here = history.shown().step;
    steps.push_back(std::clamp(here, history.first_kept(), history.last_kept()));
    grow(false, rows / 3 + 1);
  } else {
    steps.push_back(history.last_kept() + 1);
  }
  grow(true, history.paused() ? rows : rows + 1);
  if (!history.paused()) steps.pop_back();
  if (!steps.empty()) grow(false, rows);
  return {steps.begin(), steps.end()};
}

}  // namespace

std::string few_words(const Entry& entry) {
  if (!trace::makes_sense(entry)) return trace::sentence(entry);
  const ring::ControlMessage& message = entry.message;
  switch (entry.kind) {
    case Kind::slot_written:
      return fmt::format("{}[{}] {} {}", trace::ring_word(entry.ring), entry.to_value,
                         trace::use_name(static_cast<trace::SlotUse>(entry.detail)), payload(message));
    case Kind::index_moved:
      return fmt::format("{} {} {} -> {}", trace::ring_word(entry.ring),
                         trace::index_name(static_cast<trace::IndexName>(entry.detail)), entry.from_value,
                         entry.to_value);
    case Kind::bytes_written:
    case Kind::bytes_found:
      return fmt::format("{}[{}] {}", trace::ring_word(trace::byte_ring_of(entry)),
                         trace::place_in(trace::byte_ring_of(entry), entry.from_value), payload(message));
    case Kind::byte_index_moved:
    case Kind::byte_index_found:
      return fmt::format("{}{} {} -> {}", entry.kind == Kind::byte_index_found ? "finds " : "",
                         trace::index_name(static_cast<trace::ByteIndex>(entry.detail)), entry.from_value,
                         entry.to_value);
    case Kind::event_raised: {
      const auto source = static_cast<trace::EventSource>(entry.from_value);
      const std::string what =
          source == trace::EventSource::channel
              ? fmt::format("port {}", entry.port)
              : fmt::format("{} {}, port {}", trace::source_name(source), entry.to_value, entry.port);
      return fmt::format("{} of {} {}", what, trace::actor_name(entry.peer),
                         short_outcome(static_cast<ring::Raised>(entry.detail)));
    }
    case Kind::event_taken:
      return fmt::format("takes event, port {}", entry.port);
    case Kind::mask_changed:
      return fmt::format("{} port {}", trace::mask_verb(static_cast<trace::MaskBit>(entry.detail)),
                         entry.port);
    case Kind::frame_passed:
    case Kind::frame_taken: {
      const bool carries = entry.detail == trace::frame_request || entry.detail == trace::frame_response;
      return fmt::format("{}: {} {}", entry.kind == Kind::frame_taken ? "takes frame" : "frame",
                         trace::frame_type_name(entry.detail), carries ? payload(message) : "");
    }
    case Kind::bytes_passed:
      return payload(message);
    case Kind::refused:
      return "refuses: " + trace::escaped_words(entry);
    case Kind::counted:
      return fmt::format("{}: {}", trace::escaped_words(entry), entry.to_value);
    case Kind::quirk:
      return "quirk " + trace::escaped_words(entry);
    case Kind::told:
      return fmt::format("{}: {}", trace::actor_name(entry.actor), trace::escaped_words(entry));
  }
  return "";
}

void draw_lanes(Canvas& canvas, const WatchHistory& history, bool xenctld, std::size_t first,
                std::size_t end) {
  if (first >= end) return;
  const WatchMoment& shown = history.shown();
  const Layout layout =
      layout_of(canvas.columns(), shown, daemons(shown.replay.is_today(history.domain()), xenctld));
  canvas.text(first, 0, "  step", Tone::strong);
  if (layout.times) canvas.text(first, step_columns + 7, "ms", Tone::strong);
  for (std::size_t at = 0; at < layout.lanes.size(); ++at) {
    const std::string_view name = name_of(layout.lanes[at], layout.pitch);
    const std::size_t middle = layout.middle(at);
    canvas.text(first, middle - std::min(middle, (name.size() - 1) / 2), name, Tone::strong);
  }
  canvas.text(first, layout.words(), "what", Tone::strong);
  const std::uint64_t rows = end - first - 1;
  if (history.first_kept() > history.last_kept()) return;
  std::size_t row = first + 1;
  for (const std::uint64_t step : steps_shown(history, rows))
    draw_entry(canvas, row++, layout, history, step);
}

}  // namespace ringside::tools
