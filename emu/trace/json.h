// Journal entries as JSON, one object a line. journal_file.h has the file that they make, journal_schema.json
// its schema.
//
// Every object has `step` (from 1), `time_ns` (since the journal's origin), `kind` and `actor`. The other
// fields depend on the kind:
//
//   slot_written   ring, slot, use ("request", "response"), number, message
//   index_moved    ring, index, from, to
//   bytes_written  ring ("in", "out": today's byte rings), at (the index of the first byte), bytes
//   bytes_found    as bytes_written: written by the other end
//   byte_index_moved, byte_index_found   index, from, to
//   event_raised   peer, port, outcome; source ("virq", "pirq") and number if it is for an interrupt
//   event_taken    port
//   mask_changed   port, mask ("set", "clear")
//   frame_passed   peer, port, frame (the xcs frame's type by name), message where the frame carries one,
//                  result of a reply, session of a frame that connects, number
//   frame_taken    peer, port, frame, number, message: as of frame_passed
//   bytes_passed   peer, bytes
//   refused        peer, is (the reason's name), values, argument, text
//   counted        is (the counter's name), text, from, to
//   quirk          is (the quirk's name), values, text
//   told           is (the fact's name), values, argument, text
//   nonsense       entry: the memory of an invalid entry of a faulty process; such an object has no actor
//
// `number` is that of the message (number_of() in event.h). It is left out where the actor knows none, and
// for responses in the ring. `values` of a quirk are the number, 1 if there is one, and the bytes concerned.
//
// `is` is a stable name (facts.h). `values` are the numbers and `argument` the name or the path that its
// sentence contains; both may be missing. `text` is the sentence for users: readers of entries skip it.
//
// `domain` is there unless it is 0. A `message` has type, subtype, id, length, and `bytes`; and `rest`, the
// bytes after its length, if they are not all zero. Bytes are hexadecimal; a `text` and an `argument` are
// escaped as in the text form. Actors are named as there: "dom1", "xcs", "user2".
#pragma once

#include <cstdint>
#include <string>

#include "emu/trace/event.h"
#include "emu/trace/quote.h"

namespace ringside::trace {

/// The `kind` of an entry whose fields make no sense.
inline constexpr std::string_view kind_nonsense = "nonsense";

/// Without a newline.
[[nodiscard]] std::string to_json_line(const Entry& entry, std::uint64_t step, std::uint64_t origin_ns);

/// {"type":0,...}
[[nodiscard]] std::string message_json(const ring::ControlMessage& message);

}  // namespace ringside::trace
