// Blocks of pcapng (draft-ietf-opsawg-pcapng), and the packets in them. An entry may have been written by a
// hostile domain's process: names and numbers are truncated to the width of their fields.
#include "emu/trace/pcapng.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "emu/trace/hops.h"
#include "emu/trace/lines.h"
#include "emu/trace/names.h"
#include "emu/trace/text.h"

namespace ringside::trace {

namespace {

constexpr std::uint8_t none8 = 0xff;
constexpr std::uint16_t none16 = 0xffff;

// -- little-endian bytes, whatever the byte order of this computer

template <class Number>
void put(std::string& out, Number number) {
  for (std::size_t at = 0; at < sizeof number; ++at)
    out += static_cast<char>(static_cast<std::uint64_t>(number) >> (8 * at));
}

void pad(std::string& out) {
  while (out.size() % 4 != 0) out += '\0';
}

enum class Block : std::uint32_t { interface = 1, packet = 6, section = 0x0a0d0d0a };
/// Options whose number means the same in every block, and those of interfaces.
enum class Option : std::uint16_t { end = 0, comment = 1, name = 2, description = 3, resolution = 9 };
constexpr std::uint16_t option_application = 4;  ///< of a section

void option(std::string& out, std::uint16_t code, std::string_view value) {
  put(out, code);
  put(out, static_cast<std::uint16_t>(value.size()));
  out += value;
  pad(out);
}
void option(std::string& out, Option code, std::string_view value) {
  option(out, static_cast<std::uint16_t>(code), value);
}
void end_of_options(std::string& out) {
  option(out, Option::end, "");
}

std::string block(Block type, std::string_view body) {
  const auto total = static_cast<std::uint32_t>(body.size() + 12);
  std::string out;
  out.reserve(total);
  put(out, static_cast<std::uint32_t>(type));
  put(out, total);
  out += body;
  put(out, total);
  return out;
}

std::string section() {
  std::string body;
  put(body, std::uint32_t{0x1a2b3c4d});  // byte-order magic
  put(body, std::uint16_t{1});           // version 1.0
  put(body, std::uint16_t{0});           //
  put(body, ~std::uint64_t{0});          // length of the section: not given
  option(body, option_application, "ringside");
  end_of_options(body);
  return block(Block::section, body);
}

std::string interface(std::uint16_t link_type, std::string_view name, std::string_view description) {
  constexpr char nanoseconds[] = {9};
  std::string body;
  put(body, link_type);
  put(body, std::uint16_t{0});
  put(body, std::uint32_t{0});  // packets of any length
  option(body, Option::name, name);
  option(body, Option::description, description);
  option(body, Option::resolution, {nanoseconds, 1});
  end_of_options(body);
  return block(Block::interface, body);
}

/// One line of printable characters, cut at `capture_comment_bytes_max` bytes.
std::string comment_text(std::string_view what, std::string_view text) {
  std::string out(what);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte >= 0x20 && byte < 0x7f ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
    if (out.size() >= capture_comment_bytes_max) break;
  }
  return out;
}

// -- the contents of a packet

template <class Wide>
std::uint16_t narrow(Wide number) {
  return static_cast<std::uint16_t>(std::min<Wide>(number, none16));
}

bool has_ring(Kind kind) {
  return kind == Kind::slot_written || kind == Kind::index_moved;
}

/// The ring of a packet: tx and rx, and after them in and out.
std::uint8_t ring_number(const Entry& entry) {
  constexpr std::uint8_t first_byte_ring = 2;
  switch (entry.kind) {
    case Kind::slot_written:
    case Kind::index_moved:
      return static_cast<std::uint8_t>(entry.ring);
    case Kind::bytes_written:
    case Kind::byte_index_moved:
    case Kind::byte_index_found:
    case Kind::bytes_found:
      return static_cast<std::uint8_t>(first_byte_ring + static_cast<std::uint8_t>(byte_ring_of(entry)));
    case Kind::event_raised:
    case Kind::event_taken:
    case Kind::mask_changed:
    case Kind::frame_passed:
    case Kind::frame_taken:
    case Kind::bytes_passed:
    case Kind::refused:
    case Kind::counted:
    case Kind::quirk:
    case Kind::told:
      break;
  }
  return none8;
}

/// The four indices of a packet, and which of them are known.
struct PacketIndices {
  std::array<std::uint32_t, 4> at{};
  std::uint8_t known = 0;
};

PacketIndices indices_after(const Replay& replay, const Entry& entry) {
  if (has_ring(entry.kind)) {
    const ReplayedRing& ring = replay.ring(entry.domain, entry.ring);
    return {ring.indices, ring.known};
  }
  if (ring_number(entry) == none8) return {};
  const ReplayedByteRing& in = replay.byte_ring(entry.domain, ByteRing::in);
  const ReplayedByteRing& out = replay.byte_ring(entry.domain, ByteRing::out);
  const unsigned known = unsigned{in.cons_known} | unsigned{in.prod_known} << 1 |
                         unsigned{out.cons_known} << 2 | unsigned{out.prod_known} << 3;
  return {{in.cons, in.prod, out.cons, out.prod}, static_cast<std::uint8_t>(known)};
}

std::string receiver_name(const Entry& entry) {
  switch (entry.kind) {
    case Kind::slot_written:
      return fmt::format("{}[{}]", ring_name(entry.domain, entry.ring), entry.to_value);
    case Kind::index_moved:
      return ring_name(entry.domain, entry.ring);
    case Kind::bytes_written:
    case Kind::bytes_found:
      return fmt::format("{}[{}]", ring_name(entry.domain, byte_ring_of(entry)),
                         place_in(byte_ring_of(entry), entry.from_value));
    case Kind::byte_index_moved:
    case Kind::byte_index_found:
      return ring_name(entry.domain, byte_ring_of(entry));
    case Kind::event_raised:
    case Kind::frame_passed:
    case Kind::bytes_passed:
    case Kind::refused:
      return actor_name(entry.peer);
    case Kind::event_taken:
    case Kind::mask_changed:
    case Kind::frame_taken:
    case Kind::counted:
    case Kind::quirk:
    case Kind::told:
      break;
  }
  return "";
}

/// The whole message, so that the bytes after its length are visible as well.
std::string payload_of(const Entry& entry) {
  std::string whole{reinterpret_cast<const char*>(&entry.message), sizeof entry.message};
  switch (entry.kind) {
    case Kind::slot_written:
      return whole;
    case Kind::frame_passed:
    case Kind::frame_taken:
      return entry.detail == frame_request || entry.detail == frame_response ? whole : "";
    case Kind::bytes_passed:
    case Kind::bytes_written:
    case Kind::bytes_found:
      return std::string(text_of(entry));
    case Kind::refused:
    case Kind::counted:
    case Kind::quirk:
    case Kind::told:
      return words_of(entry);
    case Kind::index_moved:
    case Kind::byte_index_moved:
    case Kind::byte_index_found:
    case Kind::event_raised:
    case Kind::event_taken:
    case Kind::mask_changed:
      break;
  }
  return "";
}

std::uint8_t marker_code(const Entry& entry) {
  constexpr std::string_view codes = " !~2*";
  return static_cast<std::uint8_t>(codes.find(marker(entry)));
}

Direction between(Actor from, Actor to) {
  const int depth = depth_of(from.role);
  if (depth == depth_of(to.role)) return Direction::neither;
  return depth < depth_of(to.role) ? Direction::down : Direction::up;
}

}  // namespace

Direction direction_of(const Entry& entry) {
  switch (entry.kind) {
    case Kind::slot_written: {
      const bool request = entry.detail == static_cast<std::uint8_t>(SlotUse::request);
      return request == (entry.ring == ring::Ring::rx) ? Direction::down : Direction::up;
    }
    case Kind::event_raised:
    case Kind::frame_passed:
    case Kind::bytes_passed:
      return between(entry.actor, entry.peer);
    case Kind::frame_taken:
      return between(entry.peer, entry.actor);
    case Kind::bytes_written:
    case Kind::bytes_found:
      return byte_ring_of(entry) == ByteRing::in ? Direction::down : Direction::up;
    case Kind::index_moved:
    case Kind::byte_index_moved:
    case Kind::byte_index_found:
    case Kind::event_taken:
    case Kind::mask_changed:
    case Kind::refused:
    case Kind::counted:
    case Kind::quirk:
    case Kind::told:
      break;
  }
  return Direction::neither;
}

std::string Pcapng::begin(const JournalHeader& header) {
  replay_.begin(header);
  std::string out = section();
  for (const Hop& hop : hops()) out += interface(link_type_, hop.name, hop.title);
  return out + interface(link_type_, "aside", "entries that show no hop: calls, refusals, facts");
}

std::string Pcapng::data(const Entry& entry, std::uint64_t step) const {
  const Hop* hop = hop_of(entry, replay_.is_today(entry.domain));
  const PacketIndices indices = indices_after(replay_, entry);
  const bool in_slot = entry.kind == Kind::slot_written && entry.to_value < ring::slots_per_ring;
  const std::string payload = payload_of(entry);
  const std::string from = actor_name(entry.actor).substr(0, none8);
  const std::string to = receiver_name(entry).substr(0, none8);
  std::string out;
  put(out, capture_version);
  put(out, hop != nullptr ? static_cast<std::uint8_t>(hop->id) : none8);
  put(out, static_cast<std::uint8_t>(direction_of(entry)));
  put(out, in_slot ? static_cast<std::uint8_t>(entry.to_value) : none8);
  put(out, narrow(entry.domain));
  put(out, narrow(entry.port));
  put(out, step);
  put(out, static_cast<std::uint8_t>(entry.kind));
  put(out, entry.detail);
  put(out, ring_number(entry));
  put(out, static_cast<std::uint8_t>(indices.known | marker_code(entry) << 4));
  put(out, static_cast<std::uint16_t>(payload.size()));
  put(out, static_cast<std::uint8_t>(from.size()));
  put(out, static_cast<std::uint8_t>(to.size()));
  put(out, entry.time_ns - origin_ns_);
  put(out, entry.from_value);
  put(out, entry.to_value);
  for (const std::uint32_t index : indices.at) put(out, index);
  return fmt::format("{}{}{}{}{}", out, payload, from, to, sentence(entry));
}

std::string Pcapng::packet(const Entry& entry, std::uint64_t step, std::span<const std::string> lines) {
  replay_.take(step, entry);
  if (!first_ns_) first_ns_ = entry.time_ns;
  // Bytes may be stamped with the time at which they left, which can be before the first entry's. The times
  // of a journal may be negative.
  const auto since_first_ns = static_cast<std::int64_t>(entry.time_ns - *first_ns_);
  const auto time_ns = static_cast<std::uint64_t>(std::max<std::int64_t>(since_first_ns, 0));
  const Hop* hop = hop_of(entry, replay_.is_today(entry.domain));
  const std::string its = data(entry, step);
  std::string body;
  put(body, hop != nullptr ? static_cast<std::uint32_t>(hop->id) : static_cast<std::uint32_t>(hop_count));
  put(body, static_cast<std::uint32_t>(time_ns >> 32));
  put(body, static_cast<std::uint32_t>(time_ns));
  put(body, static_cast<std::uint32_t>(its.size()));
  put(body, static_cast<std::uint32_t>(its.size()));
  body += its;
  pad(body);
  for (const std::string& line : lines) option(body, Option::comment, comment_text("line: ", line));
  if (makes_sense(entry) && entry.kind == Kind::told && is_fault(fact_of(entry)))
    option(body, Option::comment, comment_text("", words_of(entry)));
  end_of_options(body);
  return block(Block::packet, body);
}

}  // namespace ringside::trace
