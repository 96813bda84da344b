// Screens of journals as asciicasts.
#include "emu/trace/asciicast.h"

#include <fmt/format.h>

#include <algorithm>

#include "emu/trace/json.h"
#include "emu/trace/lines.h"
#include "emu/trace/names.h"
#include "emu/trace/text.h"

namespace ringside::trace {

namespace {

/// The screen on which an entry shows something; empty for none. What a console server or its client delivers
/// to the user is the screen of the domain.
std::string screen_of(const Entry& entry) {
  if (!makes_sense(entry) || entry.kind != Kind::bytes_passed || entry.peer.role != Role::user) return "";
  if (entry.actor.role == Role::uart) return "serial line";
  return entry.domain == 0 ? "dom0" : fmt::format("dom{}", entry.domain);
}

std::string seconds(std::int64_t ns) {
  return fmt::format("{}.{:06}", ns / 1'000'000'000, ns % 1'000'000'000 / 1000);
}

/// The part of `held` that is whole characters. The rest stays in `held`, since the next bytes may complete
/// it. json_text() handles bytes that cannot begin a character.
std::string whole_characters(std::string& held) {
  std::size_t end = held.size();
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, held.size()); ++back) {
    const auto byte = static_cast<unsigned char>(held[held.size() - back]);
    if ((byte & 0xc0) == 0x80) continue;
    const std::size_t size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    if (size > back) end = held.size() - back;
    break;
  }
  std::string whole = held.substr(0, end);
  held.erase(0, end);
  return whole;
}

}  // namespace

std::vector<std::string> screens_of(const Journaled& journal) {
  std::vector<std::string> screens;
  for (const JournalStep& each : journal.steps) {
    const std::string screen = screen_of(each.entry);
    if (!screen.empty() && std::ranges::find(screens, screen) == screens.end()) screens.push_back(screen);
  }
  return screens;
}

std::string to_asciicast(const Journaled& journal, const std::string& screen) {
  const auto& scenario = journal.header.scenario;
  std::string out =
      fmt::format(R"({{"version":2,"width":{},"height":{},"title":{}}})", asciicast_columns, asciicast_rows,
                  json_text((scenario ? scenario->title + ": " : "") + screen)) +
      "\n";
  auto mark = journal.marks.begin();
  std::int64_t now_ns = 0;  // neither before the origin, nor backwards
  std::string held;
  const auto event = [&](std::int64_t time_ns, char kind, const std::string& text) {
    now_ns = std::max(now_ns, time_ns);
    out += fmt::format("[{},\"{}\",{}]\n", seconds(now_ns), kind, json_text(text));
  };
  const auto marks_before = [&](std::uint64_t step) {
    for (; mark != journal.marks.end() && mark->after < step; ++mark)
      event(mark->time_ns, 'm', place_and_text(*mark));
  };
  for (const JournalStep& each : journal.steps) {
    marks_before(each.step);
    if (screen_of(each.entry) != screen) continue;
    const auto bytes = each.entry.message.payload();
    held.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const std::string text = whole_characters(held);
    if (!text.empty()) event(static_cast<std::int64_t>(each.entry.time_ns), 'o', text);
  }
  marks_before(~std::uint64_t{0});
  if (!held.empty()) event(now_ns, 'o', held);
  return out;
}

}  // namespace ringside::trace
