// The kinds of entries that a user can select.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "emu/trace/event.h"

namespace ringside::tools {

enum class WatchKinds : std::uint8_t { all, bytes, rings, frames, events, trouble, lives };
inline constexpr std::array<std::string_view, 7> watch_kinds_names = {"all",    "bytes",   "rings", "frames",
                                                                      "events", "trouble", "lives"};

[[nodiscard]] constexpr std::string_view kinds_name(WatchKinds kinds) {
  return watch_kinds_names[static_cast<std::size_t>(kinds)];
}

[[nodiscard]] constexpr WatchKinds kinds_after(WatchKinds kinds) {
  return static_cast<WatchKinds>((static_cast<std::size_t>(kinds) + 1) % watch_kinds_names.size());
}

[[nodiscard]] constexpr std::optional<WatchKinds> kinds_named(std::string_view name) {
  for (std::size_t at = 0; at < watch_kinds_names.size(); ++at) {
    if (watch_kinds_names[at] == name) return static_cast<WatchKinds>(at);
  }
  return std::nullopt;
}

/// Trouble: what was refused, counted, lost or delayed, and quirks.
[[nodiscard]] inline WatchKinds kinds_of(const trace::Entry& entry) {
  if (trace::marker(entry) != ' ') return WatchKinds::trouble;
  switch (entry.kind) {
    case trace::Kind::bytes_passed:
      return WatchKinds::bytes;
    case trace::Kind::slot_written:
    case trace::Kind::index_moved:
    case trace::Kind::bytes_written:
    case trace::Kind::byte_index_moved:
    case trace::Kind::byte_index_found:
    case trace::Kind::bytes_found:
      return WatchKinds::rings;
    case trace::Kind::frame_passed:
    case trace::Kind::frame_taken:
      return WatchKinds::frames;
    case trace::Kind::event_raised:
    case trace::Kind::event_taken:
    case trace::Kind::mask_changed:
      return WatchKinds::events;
    case trace::Kind::refused:
    case trace::Kind::counted:
    case trace::Kind::quirk:
      return WatchKinds::trouble;
    case trace::Kind::told:
      return WatchKinds::lives;
  }
  return WatchKinds::all;
}

}  // namespace ringside::tools
