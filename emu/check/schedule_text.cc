// Runs of equal steps as a letter and a count.
#include "emu/check/schedule_text.h"

#include <charconv>

namespace ringside::check {

namespace {

char letter_of(std::uint32_t actor) {
  return static_cast<char>(actor < fibers_max ? 'A' + actor : 'a' + (actor - fibers_max));
}

Error unreadable(std::string_view text, std::size_t at) {
  return {EINVAL, "cannot read a schedule", fmt::format("\"{}\"", text),
          fmt::format("it is invalid from character {} on", at + 1),
          "copy the whole string that a report prints"};
}

/// Reads a number at `at` and moves `at` after it; false if there is none.
bool number_at(std::string_view text, std::size_t& at, std::uint32_t& number) {
  const char* from = text.data() + at;
  const auto read = std::from_chars(from, text.data() + text.size(), number);
  if (read.ec != std::errc()) return false;
  at += static_cast<std::size_t>(read.ptr - from);
  return true;
}

}  // namespace

std::string to_text(const Schedule& schedule) {
  std::string text;
  for (std::size_t at = 0; at < schedule.size();) {
    const Decision& first = schedule[at];
    text += letter_of(first.actor);
    if (first.option != 0) {
      text += fmt::format("={}", first.option);
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < schedule.size() && schedule[end].actor == first.actor && schedule[end].option == 0) ++end;
    if (end - at > 1) text += std::to_string(end - at);
    at = end;
  }
  return text;
}

Result<Schedule> schedule_from(std::string_view text) {
  Schedule schedule;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const char letter = text[at++];
    Decision decision;
    if (letter >= 'A' && letter < static_cast<char>('A' + fibers_max)) {
      decision.actor = static_cast<std::uint32_t>(letter - 'A');
    } else if (letter >= 'a' && letter < static_cast<char>('a' + fibers_max)) {
      decision.actor = static_cast<std::uint32_t>(letter - 'a') + fibers_max;
    } else {
      return unreadable(text, begin);
    }
    std::uint32_t times = 1;
    if (at < text.size() && text[at] == '=') {
      if (!number_at(text, ++at, decision.option) || decision.option == 0) return unreadable(text, begin);
    } else if (at < text.size() && text[at] >= '0' && text[at] <= '9') {
      if (!number_at(text, at, times) || times == 0 || times > Execution::steps_max)
        return unreadable(text, begin);
    }
    if (schedule.size() + times > Execution::steps_max) return unreadable(text, begin);
    schedule.insert(schedule.end(), times, decision);
  }
  return schedule;
}

}  // namespace ringside::check
