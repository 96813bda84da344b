// The wording of journal entries. An entry may have been written by a hostile domain's process, so no field
// is trusted: values without a name are shown as numbers.
#include "emu/trace/text.h"

#include <fmt/format.h>

namespace ringside::trace {

namespace {

bool is_part_of(Actor actor, std::uint32_t domain) {
  const bool numbered_by_domain =
      actor.role == Role::domain || actor.role == Role::tty || actor.role == Role::program;
  return numbered_by_domain && actor.number == domain;
}

/// " (dom1 port 2)", unless the sentence contains it. Domain 0 and port 0 mean none.
std::string what_about(const Entry& entry) {
  const bool said = is_part_of(entry.actor, entry.domain) || is_part_of(entry.peer, entry.domain);
  std::string text;
  if (entry.domain != 0 && !said) text = fmt::format("dom{}", entry.domain);
  if (entry.port != 0) text += fmt::format("{}port {}", text.empty() ? "" : " ", entry.port);
  return text.empty() ? text : " (" + text + ")";
}

std::string slot_sentence(const Entry& entry) {
  const bool response = entry.detail == static_cast<std::uint8_t>(SlotUse::response);
  return fmt::format("{} writes {}[{}] {} {}", actor_name(entry.actor), ring_name(entry.domain, entry.ring),
                     entry.to_value, response ? "response" : "request", message_text(entry.message));
}

std::string frame_sentence(const Entry& entry) {
  std::string text = fmt::format("{} sends {} {}", actor_name(entry.actor), actor_name(entry.peer),
                                 frame_type_name(entry.detail));
  if (entry.detail == frame_request || entry.detail == frame_response)
    text += " " + message_text(entry.message);
  if (const auto result = frame_result(entry); result.value_or(0) != 0) text += ": " + result_name(*result);
  return text + what_about(entry);
}

std::string frame_taken_sentence(const Entry& entry) {
  std::string text = fmt::format("{} receives {}", actor_name(entry.actor), frame_type_name(entry.detail));
  if (entry.detail == frame_request || entry.detail == frame_response)
    text += " " + message_text(entry.message);
  return text + " from " + actor_name(entry.peer) + what_about(entry);
}

std::string bytes_sentence(const Entry& entry) {
  const auto bytes = entry.message.payload();
  const std::string does = entry.actor == entry.peer ? "prints" : "sends " + actor_name(entry.peer);
  return fmt::format("{} {} {} byte{} {}{}", actor_name(entry.actor), does, bytes.size(),
                     bytes.size() == 1 ? "" : "s", quoted(bytes), what_about(entry));
}

/// "dom1 writes dom1.out[2042] 6 bytes "hello\n""
std::string ring_bytes_sentence(const Entry& entry) {
  const ByteRing ring = byte_ring_of(entry);
  const auto bytes = entry.message.payload();
  return fmt::format("{} {} {}[{}] {} byte{} {}", actor_name(entry.actor),
                     entry.kind == Kind::bytes_found ? "finds" : "writes", ring_name(entry.domain, ring),
                     place_in(ring, entry.from_value), bytes.size(), bytes.size() == 1 ? "" : "s",
                     quoted(bytes));
}

std::string byte_index_sentence(const Entry& entry) {
  return fmt::format("{} {} {} {} -> {} ({}){}", actor_name(entry.actor),
                     entry.kind == Kind::byte_index_found ? "finds" : "moves",
                     index_name(static_cast<ByteIndex>(entry.detail)), entry.from_value, entry.to_value,
                     distance_text(entry), what_about(entry));
}

/// " for virq 2"; nothing for an event of a channel.
std::string interrupt_text(const Entry& entry) {
  switch (static_cast<EventSource>(entry.from_value)) {
    case EventSource::channel:
      return "";
    case EventSource::virq:
      return fmt::format(" for virq {}", entry.to_value);
    case EventSource::pirq:
      return fmt::format(" for pirq {}", entry.to_value);
  }
  return "";
}

std::string refusal_sentence(const Entry& entry) {
  const std::string whose = entry.peer == entry.actor ? "" : " " + actor_name(entry.peer);
  return fmt::format("{} refuses{}: {}{}", actor_name(entry.actor), whose, escaped_words(entry),
                     what_about(entry));
}

std::string told_sentence(const Entry& entry) {
  const bool of_another = entry.domain != 0 && !is_part_of(entry.actor, entry.domain);
  return fmt::format("{} says{}: {}", actor_name(entry.actor),
                     of_another ? fmt::format(" of dom{}", entry.domain) : "", escaped_words(entry));
}

}  // namespace

std::string to_text(const Entry& entry, std::uint64_t step, std::uint64_t origin_ns) {
  const auto since_ns = static_cast<std::int64_t>(entry.time_ns - origin_ns);
  return fmt::format("{:>11.3f} {:>6}  {}", static_cast<double>(since_ns) / 1e6, step, sentence(entry));
}

std::string sentence(const Entry& entry) {
  switch (entry.kind) {
    case Kind::slot_written:
      return slot_sentence(entry);
    case Kind::index_moved:
      return fmt::format("{} moves {} {} {} -> {}", actor_name(entry.actor),
                         ring_name(entry.domain, entry.ring),
                         index_name(static_cast<IndexName>(entry.detail)), entry.from_value, entry.to_value);
    case Kind::bytes_written:
    case Kind::bytes_found:
      return ring_bytes_sentence(entry);
    case Kind::byte_index_moved:
    case Kind::byte_index_found:
      return byte_index_sentence(entry);
    case Kind::event_raised:
      return fmt::format("event {} -> {}{}: {}{}", actor_name(entry.actor), actor_name(entry.peer),
                         interrupt_text(entry), raised_name(static_cast<ring::Raised>(entry.detail)),
                         what_about(entry));
    case Kind::event_taken:
      return fmt::format("{} takes event{}", actor_name(entry.actor), what_about(entry));
    case Kind::mask_changed:
      return fmt::format("{} {} events{}", actor_name(entry.actor),
                         mask_verb(static_cast<MaskBit>(entry.detail)), what_about(entry));
    case Kind::frame_passed:
      return frame_sentence(entry);
    case Kind::frame_taken:
      return frame_taken_sentence(entry);
    case Kind::bytes_passed:
      return bytes_sentence(entry);
    case Kind::refused:
      return refusal_sentence(entry);
    case Kind::counted:
      return fmt::format("{}.{} {} -> {}{}", actor_name(entry.actor), escaped_words(entry), entry.from_value,
                         entry.to_value, what_about(entry));
    case Kind::quirk:
      return fmt::format("{} quirk {}{}", actor_name(entry.actor), escaped_words(entry), what_about(entry));
    case Kind::told:
      return told_sentence(entry);
  }
  return fmt::format("{} entry of unknown kind {}", actor_name(entry.actor),
                     static_cast<unsigned>(entry.kind));
}

std::string actor_name(Actor actor) {
  const auto numbered = [actor](std::string_view name) {
    return actor.number == 0 ? std::string(name) : fmt::format("{}{}", name, actor.number);
  };
  switch (actor.role) {
    case Role::xen:
      return "xen";
    case Role::dom0:
      return "dom0";
    case Role::xcs:
      return "xcs";
    case Role::xend:
      return "xend";
    case Role::xenctld:
      return "xenctld";
    case Role::xenconsoled:
      return "xenconsoled";
    case Role::uart:
      return "uart";
    case Role::user:
      return numbered("user");
    case Role::client:
      return numbered("client");
    case Role::domain:
      return fmt::format("dom{}", actor.number);
    case Role::tty:
      return fmt::format("dom{}.tty", actor.number);
    case Role::program:
      return fmt::format("dom{}.program", actor.number);
  }
  return fmt::format("actor {}", static_cast<unsigned>(actor.role));
}

std::string ring_name(std::uint32_t domain, ring::Ring ring) {
  return fmt::format("dom{}.{}", domain, ring == ring::Ring::tx ? "tx" : "rx");
}

std::string ring_name(std::uint32_t domain, ByteRing ring) {
  return fmt::format("dom{}.{}", domain, ring == ByteRing::in ? "in" : "out");
}

std::string distance_text(const Entry& entry) {
  const std::uint32_t bytes = entry.to_value - entry.from_value;
  const std::uint32_t most = size_of(byte_ring_of(entry));
  if (bytes > most) return fmt::format("impossible: the ring holds {} bytes", most);
  return fmt::format("{} byte{}", bytes, bytes == 1 ? "" : "s");
}

std::string_view index_name(IndexName name) {
  switch (name) {
    case IndexName::req_prod:
      return "req_prod";
    case IndexName::req_cons:
      return "req_cons";
    case IndexName::rsp_prod:
      return "rsp_prod";
    case IndexName::rsp_cons:
      return "rsp_cons";
  }
  return "unknown index";
}

std::string_view index_name(ByteIndex name) {
  switch (name) {
    case ByteIndex::in_cons:
      return "in_cons";
    case ByteIndex::in_prod:
      return "in_prod";
    case ByteIndex::out_cons:
      return "out_cons";
    case ByteIndex::out_prod:
      return "out_prod";
  }
  return "unknown index";
}

std::string_view mask_name(MaskBit bit) {
  return bit == MaskBit::set ? "set" : "clear";
}

std::string_view mask_verb(MaskBit now) {
  return now == MaskBit::set ? "masks" : "unmasks";
}

std::string_view raised_name(ring::Raised outcome) {
  switch (outcome) {
    case ring::Raised::kick:
      return "kick";
    case ring::Raised::already_pending:
      return "already pending";
    case ring::Raised::masked:
      return "masked";
    case ring::Raised::already_selected:
      return "already selected";
  }
  return "unknown outcome";
}

std::string frame_type_name(std::uint32_t type) {
  static constexpr std::string_view names[] = {"connect-ctrl", "connect-data", "bye",       "bind",
                                               "unbind",       "virq-bind",    "writelock", "new-cc",
                                               "free-cc",      "request",      "response",  "virq"};
  static_assert(names[frame_request] == "request" && names[frame_response] == "response");
  return type < std::size(names) ? std::string(names[type]) : fmt::format("type {}", type);
}

std::string result_name(std::uint32_t result) {
  static constexpr std::string_view names[] = {"ok",        "failed",   "areconnected", "badsession",
                                               "nosession", "coninuse", "badrequest"};
  return result < std::size(names) ? std::string(names[result]) : fmt::format("result {}", result);
}

std::string quoted(std::span<const std::uint8_t> bytes, std::size_t shown_max) {
  const bool cut = bytes.size() > shown_max;
  return "\"" + escaped(cut ? bytes.first(shown_max) : bytes) + (cut ? "\"..." : "\"");
}

std::string escaped_words(const Entry& entry) {
  const std::string words = words_of(entry);
  return escaped({reinterpret_cast<const std::uint8_t*>(words.data()), words.size()});
}

std::string escaped(std::span<const std::uint8_t> bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (const std::uint8_t byte : bytes) {
    if (byte == '\n') {
      text += "\\n";
    } else if (byte == '\r') {
      text += "\\r";
    } else if (byte == '\t') {
      text += "\\t";
    } else if (byte == '"' || byte == '\\') {
      text += '\\';
      text += static_cast<char>(byte);
    } else if (byte >= 0x20 && byte < 0x7f) {
      text += static_cast<char>(byte);
    } else {
      text += fmt::format("\\x{:02x}", byte);
    }
  }
  return text;
}

}  // namespace ringside::trace
