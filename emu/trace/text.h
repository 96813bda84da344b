// Journal entries as text, one line an entry. Equal entries give equal lines, so that diff can compare two
// runs. The wording is that of the scenario language where the language has words for it.
//
// Everything here is pure. Bytes from a peer are escaped: no line carries a control character to a terminal.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "emu/trace/event.h"

namespace ringside::trace {

/// Payload bytes that a line shows before it says "...".
inline constexpr std::size_t shown_bytes_max = 32;

/// "      1.100     21  xcs writes dom1.rx[7] request console length 60 "abcabc"...", without a newline:
/// milliseconds since `origin_ns` (in the clock of Entry::time_ns), the step, and the sentence.
[[nodiscard]] std::string to_text(const Entry& entry, std::uint64_t step, std::uint64_t origin_ns);

/// The entry without time and step: who does what to whom.
[[nodiscard]] std::string sentence(const Entry& entry);

/// "dom1", "xcs", "user2", "dom1.tty". Users and clients are numbered from 1; number 0 means that there is
/// only one.
[[nodiscard]] std::string actor_name(Actor actor);

/// "dom1.tx": the ring of a domain.
[[nodiscard]] std::string ring_name(std::uint32_t domain, ring::Ring ring);

/// "dom1.out"
[[nodiscard]] std::string ring_name(std::uint32_t domain, ByteRing ring);

[[nodiscard]] std::string_view index_name(IndexName name);
/// "in_cons", "out_prod"
[[nodiscard]] std::string_view index_name(ByteIndex name);
/// "40 bytes"; of more than the ring holds it says that they are impossible.
[[nodiscard]] std::string distance_text(const Entry& entry);
[[nodiscard]] std::string_view mask_name(MaskBit bit);
/// "masks" or "unmasks"
[[nodiscard]] std::string_view mask_verb(MaskBit now);
[[nodiscard]] std::string_view raised_name(ring::Raised outcome);

/// "console", "shutdown"; "type 5" for a type without a name in 2005.
[[nodiscard]] std::string message_type_name(std::uint8_t type);

/// The xcs frames that carry a control message, in Entry::detail of frame_passed.
inline constexpr std::uint8_t frame_request = 9;
inline constexpr std::uint8_t frame_response = 10;

/// The result of a call to xcs: "ok", "badsession", "result 77".
[[nodiscard]] std::string result_name(std::uint32_t result);
/// The result in a frame that is a reply.
[[nodiscard]] inline std::optional<std::uint32_t> frame_result(const Entry& entry) {
  return entry.from_value == 0 ? std::nullopt : std::optional(entry.from_value - 1);
}
/// Frames of types 0 and 1 name a session.
[[nodiscard]] inline bool frame_connects(const Entry& entry) {
  return entry.detail <= 1;
}

/// The name of an xcs frame's type: "request", "bind", "type 77".
[[nodiscard]] std::string frame_type_name(std::uint32_t type);

/// "console length 6 "hello\n"", "shutdown sysrq id 2 length 4 key "h"", "mem-request set id 3 length 8
/// target 4096 pages status 0", "blkif-fe subtype 1 id 4 length 2 hex 0a 0b". A subtype 0 without a name is
/// left out, and so is the id of a console message when it is 0 or 255, which programs of 2005 wrote there
/// without a meaning.
[[nodiscard]] std::string message_text(const ring::ControlMessage& message);

/// `bytes` between double quotes, escaped; only the first `shown_max`, followed by "..." when there are more.
[[nodiscard]] std::string quoted(std::span<const std::uint8_t> bytes,
                                 std::size_t shown_max = shown_bytes_max);

/// words_of(entry), escaped.
[[nodiscard]] std::string escaped_words(const Entry& entry);

/// `bytes` with everything escaped that is not printable ASCII: \n \r \t \" \\ and \xNN.
[[nodiscard]] std::string escaped(std::span<const std::uint8_t> bytes);

}  // namespace ringside::trace
