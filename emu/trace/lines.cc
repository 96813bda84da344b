// The table's lines.
#include "emu/trace/lines.h"

#include <fmt/format.h>

#include <cctype>

#include "emu/trace/names.h"
#include "emu/trace/quote.h"
#include "emu/trace/text.h"

namespace ringside::trace {

namespace {

bool has_peer(Kind kind) {
  switch (kind) {
    case Kind::event_raised:
    case Kind::frame_passed:
    case Kind::bytes_passed:
    case Kind::refused:
      return true;
    case Kind::slot_written:
    case Kind::index_moved:
    case Kind::event_taken:
    case Kind::mask_changed:
    case Kind::bytes_written:
    case Kind::byte_index_moved:
    case Kind::byte_index_found:
    case Kind::bytes_found:
    case Kind::counted:
    case Kind::quirk:
    case Kind::told:
    case Kind::frame_taken:
      return false;
  }
  return false;
}

bool is_about_ring(const Entry& entry) {
  return entry.kind == Kind::slot_written || entry.kind == Kind::index_moved;
}

bool is_about_byte_ring(const Entry& entry) {
  return entry.kind == Kind::bytes_written || entry.kind == Kind::bytes_found ||
         entry.kind == Kind::byte_index_moved || entry.kind == Kind::byte_index_found;
}

/// Only the guest reports what happens to its byte rings: "dom1 -> dom1.out", "dom1 <- dom1.in".
std::string who_and_byte_ring(const Entry& entry) {
  const bool found = entry.kind == Kind::bytes_found || entry.kind == Kind::byte_index_found;
  return fmt::format("{} {} {}", actor_name(entry.actor), found ? "<-" : "->",
                     ring_name(entry.domain, byte_ring_of(entry)));
}

/// "xcs -> dom1", "xcs -> dom1.rx", "dom1"
std::string who(const Entry& entry) {
  std::string from = actor_name(entry.actor);
  if (is_about_ring(entry)) return fmt::format("{} -> {}", from, ring_name(entry.domain, entry.ring));
  if (is_about_byte_ring(entry)) return who_and_byte_ring(entry);
  if (!has_peer(entry.kind) || entry.peer == entry.actor) return from;
  return fmt::format("{} -> {}", from, actor_name(entry.peer));
}

std::string in_capitals(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

/// `type:(0,0) len 6 "hello\n"`; the id only where it had a meaning in 2005.
std::string message_words(const ring::ControlMessage& message) {
  std::string text = fmt::format("type:({},{})", message.type, message.subtype);
  if (message.id != 0 && message.id != ring::no_callback_id) text += fmt::format(" id {}", message.id);
  text += fmt::format(" len {}", message.length);
  if (message.length != 0) text += " " + quoted(message.payload());
  return text;
}

std::string frame_words(const Entry& entry) {
  std::string text = in_capitals(frame_type_name(entry.detail));
  if (entry.domain != 0) text += fmt::format(" dom:{}", entry.domain);
  text += fmt::format(" port:{}", entry.port);
  if (entry.detail == frame_request || entry.detail == frame_response)
    text += " " + message_words(entry.message);
  if (const auto result = frame_result(entry)) text += " " + in_capitals(result_name(*result));
  return text;
}

std::string what(const Entry& entry) {
  switch (entry.kind) {
    case Kind::slot_written:
      return fmt::format("slot {} {} {}", entry.to_value,
                         in_capitals(std::string(use_name(static_cast<SlotUse>(entry.detail)))),
                         message_words(entry.message));
    case Kind::index_moved:
      return fmt::format("{} {} -> {} (slot {})", index_name(static_cast<IndexName>(entry.detail)),
                         entry.from_value, entry.to_value, ring::slot_of(entry.to_value));
    case Kind::bytes_written:
    case Kind::bytes_found:
      return fmt::format("at {} (byte {}) len {} {}", entry.from_value,
                         place_in(byte_ring_of(entry), entry.from_value), entry.message.payload().size(),
                         quoted(entry.message.payload()));
    case Kind::byte_index_moved:
    case Kind::byte_index_found:
      return fmt::format("{}{} {} -> {} (byte {}) {}", entry.kind == Kind::byte_index_found ? "finds " : "",
                         index_name(static_cast<ByteIndex>(entry.detail)), entry.from_value, entry.to_value,
                         place_in(byte_ring_of(entry), entry.to_value), distance_text(entry));
    case Kind::event_raised: {
      const auto source = static_cast<EventSource>(entry.from_value);
      return fmt::format(
          "EVENT port:{} {}{}", entry.port, raised_name(static_cast<ring::Raised>(entry.detail)),
          source == EventSource::channel ? "" : fmt::format(" {} {}", source_name(source), entry.to_value));
    }
    case Kind::event_taken:
      return fmt::format("takes EVENT port:{}", entry.port);
    case Kind::mask_changed:
      return fmt::format("{} port:{}", mask_verb(static_cast<MaskBit>(entry.detail)), entry.port);
    case Kind::frame_passed:
      return frame_words(entry);
    case Kind::frame_taken:
      return fmt::format("takes {} from {}", frame_words(entry), actor_name(entry.peer));
    case Kind::bytes_passed:
      return fmt::format("{} bytes {}", entry.message.payload().size(), quoted(entry.message.payload()));
    case Kind::refused:
      return "refuses: " + escaped_words(entry);
    case Kind::counted:
      return fmt::format("{}: {} -> {}", escaped_words(entry), entry.from_value, entry.to_value);
    case Kind::quirk:
      return "quirk " + escaped_words(entry);
    case Kind::told:
      return "says: " + escaped_words(entry);
  }
  return "";
}

constexpr std::size_t time_and_step_columns = 18;

}  // namespace

std::string table_heading() {
  return fmt::format("{:>11} {:>6}   {:<20} {:<16} {}", "time/ms", "step", "from -> to", "ring", "what");
}

std::string table_line(std::uint64_t step, const Entry& entry, std::uint64_t origin_ns,
                       const Replay& replay) {
  const auto since_ns = static_cast<std::int64_t>(entry.time_ns - origin_ns);
  const std::string when =
      fmt::format("{:>11.3f} {:>6} {} ", static_cast<double>(since_ns) / 1e6, step, marker(entry));
  if (!makes_sense(entry)) return when + sentence(entry);
  std::string ring;
  if (is_about_ring(entry)) ring = ring_text(entry.ring, replay.ring(entry.domain, entry.ring));
  if (is_about_byte_ring(entry))
    ring = ring_text(byte_ring_of(entry), replay.byte_ring(entry.domain, byte_ring_of(entry)));
  return fmt::format("{}{:<20} {:<16} {}", when, who(entry), ring, what(entry));
}

std::string place_of(const JournalMark& mark) {
  if (mark.line == 0) return "";
  return mark.file.empty() ? fmt::format("line {}", mark.line) : fmt::format("{}:{}", mark.file, mark.line);
}

std::string place_and_text(const JournalMark& mark) {
  const std::string place = place_of(mark);
  return place.empty() ? mark.text : place + ": " + mark.text;
}

std::string table_line(const JournalMark& mark) {
  std::string where = place_of(mark);
  if (!where.empty()) where += "  ";
  const char* const what = mark.kind == JournalMark::Kind::failure ? "FAILED: " : "";
  return fmt::format("{:<{}} {}{}{}", "", time_and_step_columns, printable(where), what,
                     printable(mark.text));
}

}  // namespace ringside::trace
