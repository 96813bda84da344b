// Plain sentences that contain the current numbers.
#include "emu/trace/plain.h"

#include <fmt/format.h>

#include "emu/base/quirks.h"
#include "emu/trace/names.h"
#include "emu/trace/text.h"

namespace ringside::trace {

namespace {

std::string bytes_of(const ring::ControlMessage& message) {
  const std::size_t count = message.payload().size();
  return fmt::format("{} byte{}, {}", count, count == 1 ? "" : "s", quoted(message.payload()));
}

/// "60 bytes, "abc"", "a shutdown message"
std::string contents(const ring::ControlMessage& message) {
  if (message.type == ring::CMSG_CONSOLE) return bytes_of(message);
  return "the message " + message_text(message);
}

std::string slot_words(const Entry& entry) {
  const std::string who = actor_name(entry.actor);
  const std::string_view ring = ring_word(entry.ring);
  if (static_cast<SlotUse>(entry.detail) == SlotUse::response) {
    return fmt::format(
        "{} writes its response over the request in slot {} of the ring {}: requests and responses share "
        "the slots.",
        who, entry.to_value, ring);
  }
  return fmt::format(
      "{} copies {} into slot {} of the ring {}, in the page that it shares with {}. The other side does not "
      "look there before req_prod has moved.",
      who, contents(entry.message), entry.to_value, ring,
      entry.actor.role == Role::domain ? "dom0" : fmt::format("dom{}", entry.domain));
}

std::string outstanding_words(std::uint32_t outstanding) {
  if (outstanding > ring::slots_per_ring)
    return fmt::format("That makes {} requests in a ring of 8: impossible, so one side is faulty.",
                       outstanding);
  if (outstanding == ring::slots_per_ring)
    return "All 8 slots hold a request without a response: the ring is full.";
  return fmt::format("{} of 8 slots hold{} a request without a response.", outstanding,
                     outstanding == 1 ? "s" : "");
}

std::string index_words(const Entry& entry, const Replay& replay) {
  const std::string who = actor_name(entry.actor);
  const std::string_view ring = ring_word(entry.ring);
  const std::uint32_t count = entry.to_value - entry.from_value;
  const std::uint32_t outstanding = replay.ring(entry.domain, entry.ring).outstanding();
  switch (static_cast<IndexName>(entry.detail)) {
    case IndexName::req_prod:
      return fmt::format(
          "{} moves req_prod of {} from {} to {}: now the other side may see the request{}. {}", who, ring,
          entry.from_value, entry.to_value, count == 1 ? "" : "s", outstanding_words(outstanding));
    case IndexName::req_cons:
      return fmt::format(
          "{} has taken the request{} of {} up to index {}. The slot{} not free yet: a response must come "
          "first.",
          who, count == 1 ? "" : "s", ring, entry.to_value, count == 1 ? " is" : "s are");
    case IndexName::rsp_prod:
      return fmt::format("{} moves rsp_prod of {} from {} to {}: now the response{} can be seen. {}", who,
                         ring, entry.from_value, entry.to_value, count == 1 ? "" : "s",
                         outstanding_words(outstanding));
    case IndexName::rsp_cons:
      return fmt::format("{} takes the response{} of {} up to index {}: {} free again.", who,
                         count == 1 ? "" : "s", ring, entry.to_value,
                         count == 1 ? "the slot is" : fmt::format("{} slots are", count));
  }
  return "";
}

/// "12 of 2048 bytes wait in it, as far as dom1 knows."
std::string waiting_words(const Entry& entry, const Replay& replay) {
  const ByteRing which = byte_ring_of(entry);
  const auto waiting = replay.byte_ring(entry.domain, which).waiting(which);
  if (!waiting) return "More bytes would wait than the ring holds: impossible, so one end is faulty.";
  return fmt::format("{} of {} bytes wait in {}, as far as {} knows.", *waiting, size_of(which),
                     ring_word(which), actor_name(entry.actor));
}

std::string ring_bytes_words(const Entry& entry) {
  const ByteRing which = byte_ring_of(entry);
  const std::uint32_t place = place_in(which, entry.from_value);
  const std::uint32_t behind_end =
      place + static_cast<std::uint32_t>(entry.message.payload().size()) - size_of(which);
  const bool wraps = behind_end != 0 && behind_end <= ring::payload_bytes_max;
  const std::string where =
      fmt::format("the ring {}, at byte {} of {}{}", ring_word(which), place, size_of(which),
                  wraps ? fmt::format(" and on from byte 0, where the last {} are", behind_end) : "");
  if (entry.kind == Kind::bytes_found)
    return fmt::format(
        "{} finds {} in {}. xenconsoled has written them; they stay there until {} has taken them.",
        actor_name(entry.actor), bytes_of(entry.message), where, actor_name(entry.actor));
  return fmt::format(
      "{} copies {} into {}, in the frame that it shares with xenconsoled, which does not look there before "
      "{} has moved.",
      actor_name(entry.actor), bytes_of(entry.message), where,
      index_name(which == ByteRing::out ? ByteIndex::out_prod : ByteIndex::in_prod));
}

std::string byte_index_words(const Entry& entry, const Replay& replay) {
  const auto index = static_cast<ByteIndex>(entry.detail);
  const bool found = entry.kind == Kind::byte_index_found;
  const std::string begin =
      found ? fmt::format("{} finds that {} has moved from {} to {}", actor_name(entry.actor),
                          index_name(index), entry.from_value, entry.to_value)
            : fmt::format("{} moves {} from {} to {}", actor_name(entry.actor), index_name(index),
                          entry.from_value, entry.to_value);
  const std::uint32_t bytes = entry.to_value - entry.from_value;
  if (bytes > size_of(ring_of(index))) return begin + ". " + waiting_words(entry, replay);
  const std::string count = distance_text(entry);
  const std::string what =
      found ? fmt::format("xenconsoled has {} {} since {} last looked", is_cons(index) ? "taken" : "written",
                          count, actor_name(entry.actor))
      : is_cons(index) ? fmt::format("the places of {} are free again; bytes need no response", count)
                       : fmt::format("now xenconsoled may see {} more", count);
  return fmt::format("{}: {}. {}", begin, what, waiting_words(entry, replay));
}

std::string event_words(const Entry& entry) {
  const std::string from = actor_name(entry.actor);
  const std::string to = actor_name(entry.peer);
  std::string begin = fmt::format("{} raises the event of port {} for {}", from, entry.port, to);
  const auto source = static_cast<EventSource>(entry.from_value);
  if (source != EventSource::channel)
    begin = fmt::format("{} raises {} {} for {}, at port {}", from, source_name(source), entry.to_value, to,
                        entry.port);
  switch (static_cast<ring::Raised>(entry.detail)) {
    case ring::Raised::kick:
      return begin + ". Its pending bit was clear, so that the receiver is woken.";
    case ring::Raised::already_pending:
      return begin + ". Its pending bit is set already: events say that there is something, never how much.";
    case ring::Raised::masked:
      return begin +
             ". The port is masked, so there is no wake-up: the receiver is awake, and checks again before "
             "it "
             "sleeps.";
    case ring::Raised::already_selected:
      return begin + ". Another port of the same word has woken the receiver already.";
  }
  return begin;
}

std::string mask_words(const Entry& entry) {
  const std::string who = actor_name(entry.actor);
  if (static_cast<MaskBit>(entry.detail) == MaskBit::set)
    return fmt::format("{} masks its port {}: until it unmasks it, an event there only sets the pending bit.",
                       who, entry.port);
  return fmt::format("{} unmasks its port {}: from now on an event there wakes it.", who, entry.port);
}

std::string explained_frame(const Entry& entry) {
  const std::string from = actor_name(entry.actor);
  const bool up = entry.actor.role == Role::xcs;
  const std::string whose = fmt::format("dom{}", entry.domain);
  if (entry.detail == frame_request) {
    if (up)
      return fmt::format("xcs forwards a message of {}: {}, in a frame of 80 bytes.", whose,
                         contents(entry.message));
    return fmt::format("{} sends xcs {} for {}, in a frame of 80 bytes on xcs's socket.", from,
                       contents(entry.message), whose);
  }
  if (entry.detail == frame_response) {
    if (up) return fmt::format("xcs forwards the response of {} to an earlier message.", whose);
    return fmt::format(
        "{} sends the response to a message of {}: without a response the slot would stay taken.", from,
        whose);
  }
  const std::string type = frame_type_name(entry.detail);
  if (!up) return fmt::format("{} calls xcs: {}.", from, type);
  const auto result = frame_result(entry);
  return fmt::format("xcs answers the call {}{}.", type, result ? ": " + result_name(*result) : "");
}

std::string passed_words(const Entry& entry) {
  const std::string from = actor_name(entry.actor);
  const std::string to = actor_name(entry.peer);
  const std::string what = bytes_of(entry.message);
  if (entry.actor == entry.peer) return fmt::format("{} prints {}.", from, what);
  if (entry.actor.role == Role::user) return fmt::format("{} types {}; {} gets it.", from, what, to);
  if (entry.peer.role == Role::user) return fmt::format("{} shows {} to {}.", from, what, to);
  return fmt::format("{} passes {} on to {}.", from, what, to);
}

/// Explains a counter where its name is not enough.
std::string counter_words(const Entry& entry) {
  const std::string who = actor_name(entry.actor);
  if (counter_of(entry) == Counter::queued_messages) {
    return fmt::format(
        "The ring is full, and {} looks before it writes: the message waits in {}, and nothing is lost. {} "
        "so far.",
        who, who,
        entry.to_value == 1 ? "1 message has had to wait"
                            : fmt::format("{} messages have had to wait", entry.to_value));
  }
  if (counter_of(entry) == Counter::pushbacks)
    return fmt::format(
        "{} has no room for more, and takes nothing from that client until it has: the user who types has to "
        "wait.",
        who);
  return fmt::format("{} counts \"{}\": {} now.", who, words_of(counter_of(entry)), entry.to_value);
}

std::string quirk_words(const Entry& entry, const FlowStep& flow) {
  const QuirkAbout& quirk = about(quirk_of(entry));
  std::string text = fmt::format("Quirk {}, an error of 2005: {}", quirk.name, quirk.what);
  if (!flow.lost) return text + ".";
  text += fmt::format(". The ring holds {} messages of {} bytes, {} bytes, and not one more",
                      ring::slots_per_ring, ring::payload_bytes_max,
                      ring::slots_per_ring * ring::payload_bytes_max);
  std::uint64_t lost = 0;
  for (const ByteRange& each : flow.bytes) lost += each.count;
  return fmt::format("{}. {} byte{} lost.", text, lost, lost == 1 ? " is" : "s are");
}

}  // namespace

std::string plain_sentence(const Entry& entry, const Replay& replay, const FlowStep& flow) {
  if (!makes_sense(entry)) return sentence(entry);
  const std::string who = actor_name(entry.actor);
  switch (entry.kind) {
    case Kind::slot_written:
      return slot_words(entry);
    case Kind::index_moved:
      return index_words(entry, replay);
    case Kind::bytes_written:
    case Kind::bytes_found:
      return ring_bytes_words(entry);
    case Kind::byte_index_moved:
    case Kind::byte_index_found:
      return byte_index_words(entry, replay);
    case Kind::event_raised:
      return event_words(entry);
    case Kind::event_taken:
      return fmt::format(
          "{} finds an event pending at its port {}, clears the bit, and looks into the rings.", who,
          entry.port);
    case Kind::mask_changed:
      return mask_words(entry);
    case Kind::frame_passed:
      return explained_frame(entry);
    case Kind::frame_taken:
      return fmt::format("{} has read the {} that {} sent from its socket.", who,
                         frame_type_name(entry.detail), actor_name(entry.peer));
    case Kind::bytes_passed:
      return passed_words(entry);
    case Kind::refused:
      return fmt::format("{} refuses something: {}.", who, escaped_words(entry));
    case Kind::counted:
      return counter_words(entry);
    case Kind::quirk:
      return quirk_words(entry, flow);
    case Kind::told:
      return sentence(entry) + ".";
  }
  return sentence(entry);
}

}  // namespace ringside::trace
