// Journal entries as JSON lines.
#include "emu/trace/json.h"

#include <fmt/format.h>

#include "emu/trace/names.h"
#include "emu/trace/text.h"

namespace ringside::trace {

namespace {

std::string hex(std::span<const std::uint8_t> bytes) {
  return fmt::format("\"{:02x}\"", fmt::join(bytes, ""));
}

/// The bytes after the length, up to the last byte that is not zero.
std::span<const std::uint8_t> rest_of(const ring::ControlMessage& message) {
  std::size_t end = ring::payload_bytes_max;
  const std::size_t begin = message.payload().size();
  while (end > begin && message.msg[end - 1] == 0) --end;
  return {message.msg + begin, end - begin};
}

std::string source_json(const Entry& entry) {
  const auto source = static_cast<EventSource>(entry.from_value);
  if (source == EventSource::channel) return "";
  return fmt::format(R"(,"source":"{}","number":{})", source_name(source), entry.to_value);
}

std::string number_json(const Entry& entry) {
  const auto number = number_of(entry);
  return number ? fmt::format(R"(,"number":{})", *number) : "";
}

/// Values up to the last one that is not 0.
std::string values_json(const Entry& entry) {
  std::size_t count = entry.values.size();
  while (count > 0 && entry.values[count - 1] == 0) --count;
  if (count == 0) return "";
  return fmt::format(R"(,"values":[{}])", fmt::join(std::span(entry.values).first(count), ","));
}

std::string argument_json(const Entry& entry) {
  if (entry.message.payload().empty()) return "";
  return fmt::format(R"(,"argument":{})", json_text(escaped(entry.message.payload())));
}

/// The fields that entries of its kind have, with a comma in front.
std::string details(const Entry& entry) {
  const auto peer = [&] { return fmt::format(R"("peer":{})", json_text(actor_name(entry.peer))); };
  const auto ring = [&] { return fmt::format(R"("ring":"{}")", ring_word(entry.ring)); };
  const auto said = [&](std::string_view name) {
    return fmt::format(R"("is":"{}"{}{},"text":{})", name, values_json(entry), argument_json(entry),
                       json_text(escaped_words(entry)));
  };
  switch (entry.kind) {
    case Kind::slot_written:
      return fmt::format(R"(,{},"slot":{},"use":"{}"{},"message":{})", ring(), entry.to_value,
                         use_name(static_cast<SlotUse>(entry.detail)), number_json(entry),
                         message_json(entry.message));
    case Kind::index_moved:
      return fmt::format(R"(,{},"index":"{}","from":{},"to":{})", ring(),
                         index_name(static_cast<IndexName>(entry.detail)), entry.from_value, entry.to_value);
    case Kind::bytes_written:
    case Kind::bytes_found:
      return fmt::format(R"(,"ring":"{}","at":{},"bytes":{})", ring_word(byte_ring_of(entry)),
                         entry.from_value, hex(entry.message.payload()));
    case Kind::byte_index_moved:
    case Kind::byte_index_found:
      return fmt::format(R"(,"index":"{}","from":{},"to":{})",
                         index_name(static_cast<ByteIndex>(entry.detail)), entry.from_value, entry.to_value);
    case Kind::event_raised:
      return fmt::format(R"(,{},"port":{},"outcome":"{}"{})", peer(), entry.port,
                         raised_name(static_cast<ring::Raised>(entry.detail)), source_json(entry));
    case Kind::event_taken:
      return fmt::format(R"(,"port":{})", entry.port);
    case Kind::mask_changed:
      return fmt::format(R"(,"port":{},"mask":"{}")", entry.port,
                         mask_name(static_cast<MaskBit>(entry.detail)));
    case Kind::frame_passed:
    case Kind::frame_taken: {
      const bool carries = entry.detail == frame_request || entry.detail == frame_response;
      std::string reply;
      if (const auto result = frame_result(entry)) reply = fmt::format(R"(,"result":{})", *result);
      if (frame_connects(entry)) reply += fmt::format(R"(,"session":{})", entry.to_value);
      return fmt::format(R"(,{},"port":{},"frame":"{}"{}{}{}{})", peer(), entry.port,
                         frame_type_name(entry.detail), reply, number_json(entry),
                         carries ? R"(,"message":)" : "", carries ? message_json(entry.message) : "");
    }
    case Kind::bytes_passed:
      return fmt::format(R"(,{},"bytes":{})", peer(), hex(entry.message.payload()));
    case Kind::refused:
      return fmt::format(",{},{}", peer(), said(name_of(refusal_of(entry))));
    case Kind::counted:
      return fmt::format(R"(,{},"from":{},"to":{})", said(name_of(counter_of(entry))), entry.from_value,
                         entry.to_value);
    case Kind::quirk:
      return "," + said(about(quirk_of(entry)).name);
    case Kind::told:
      return "," + said(name_of(fact_of(entry)));
  }
  return "";
}

}  // namespace

std::string message_json(const ring::ControlMessage& message) {
  const auto rest = rest_of(message);
  return fmt::format(R"({{"type":{},"subtype":{},"id":{},"length":{},"bytes":{}{}}})", message.type,
                     message.subtype, message.id, message.length, hex(message.payload()),
                     rest.empty() ? "" : R"(,"rest":)" + hex(rest));
}

std::string to_json_line(const Entry& entry, std::uint64_t step, std::uint64_t origin_ns) {
  const auto time_ns = static_cast<std::int64_t>(entry.time_ns - origin_ns);
  if (!makes_sense(entry)) {
    return fmt::format(R"({{"step":{},"time_ns":{},"kind":"{}","entry":{}}})", step, time_ns, kind_nonsense,
                       hex({reinterpret_cast<const std::uint8_t*>(&entry), sizeof entry}));
  }
  return fmt::format(R"({{"step":{},"time_ns":{},"kind":"{}","actor":{}{}{}}})", step, time_ns,
                     kind_name(entry.kind), json_text(actor_name(entry.actor)),
                     entry.domain == 0 ? "" : fmt::format(R"(,"domain":{})", entry.domain), details(entry));
}

}  // namespace ringside::trace
