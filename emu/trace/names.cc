// Names in journal files. The lookup by name uses the function that gives the name, so that no name is
// written twice.
#include "emu/trace/names.h"

#include <algorithm>
#include <charconv>

#include "emu/trace/text.h"

namespace ringside::trace {

namespace {

/// The value of 0 to `last` to which `name_of` gives that name.
template <class Value, class NameOf>
std::optional<Value> value_named(std::string_view name, Value last, NameOf name_of) {
  for (unsigned at = 0; at <= static_cast<unsigned>(last); ++at) {
    if (name_of(static_cast<Value>(at)) == name) return static_cast<Value>(at);
  }
  return std::nullopt;
}

/// A decimal number as ringside writes it: no sign, no leading zero.
std::optional<std::uint32_t> number_in(std::string_view digits, std::uint32_t max) {
  std::uint32_t number = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool whole = problem == std::errc{} && end == digits.data() + digits.size();
  if (!whole || number > max || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
  return number;
}

constexpr std::uint32_t actor_number_max = 0xffff;
constexpr unsigned frame_types = 256;

bool is_numbered(Role role) {
  return role == Role::domain || role == Role::tty || role == Role::program || role == Role::user ||
         role == Role::client;
}

bool makes_sense(Actor actor) {
  if (actor.role > last_role || actor.reserved != 0) return false;
  // dom0 has a role of its own.
  if (actor.role == Role::domain) return actor.number != 0;
  return is_numbered(actor.role) || actor.number == 0;
}

}  // namespace

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::slot_written:
      return "slot_written";
    case Kind::index_moved:
      return "index_moved";
    case Kind::event_raised:
      return "event_raised";
    case Kind::event_taken:
      return "event_taken";
    case Kind::mask_changed:
      return "mask_changed";
    case Kind::frame_passed:
      return "frame_passed";
    case Kind::bytes_passed:
      return "bytes_passed";
    case Kind::refused:
      return "refused";
    case Kind::counted:
      return "counted";
    case Kind::quirk:
      return "quirk";
    case Kind::told:
      return "told";
    case Kind::frame_taken:
      return "frame_taken";
    case Kind::bytes_written:
      return "bytes_written";
    case Kind::byte_index_moved:
      return "byte_index_moved";
    case Kind::byte_index_found:
      return "byte_index_found";
    case Kind::bytes_found:
      return "bytes_found";
  }
  return "unknown";
}

std::string_view use_name(SlotUse use) {
  return use == SlotUse::request ? "request" : "response";
}

std::string_view source_name(EventSource source) {
  switch (source) {
    case EventSource::channel:
      return "channel";
    case EventSource::virq:
      return "virq";
    case EventSource::pirq:
      return "pirq";
  }
  return "unknown";
}

std::string_view ring_word(ring::Ring ring) {
  return ring == ring::Ring::tx ? "tx" : "rx";
}

std::string_view ring_word(ByteRing ring) {
  return ring == ByteRing::in ? "in" : "out";
}

std::string_view layout_name(ring::Abi layout) {
  return layout == ring::Abi::flat ? "flat" : "sring";
}

std::string_view mark_name(JournalMark::Kind mark) {
  switch (mark) {
    case JournalMark::Kind::statement:
      return "statement";
    case JournalMark::Kind::phase:
      return "phase";
    case JournalMark::Kind::fault:
      return "fault";
    case JournalMark::Kind::failure:
      return "failure";
  }
  return "unknown";
}

std::string_view act_name(JournalMark::Act act) {
  switch (act) {
    case JournalMark::Act::none:
      return "none";
    case JournalMark::Act::boots:
      return "boots";
    case JournalMark::Act::acts:
      return "acts";
  }
  return "unknown";
}

std::optional<JournalMark::Act> act_named(std::string_view name) {
  return value_named(name, JournalMark::Act::acts, act_name);
}

std::optional<JournalMark::Kind> mark_named(std::string_view name) {
  return value_named(name, JournalMark::Kind::failure, mark_name);
}

std::optional<Kind> kind_named(std::string_view name) {
  return value_named(name, last_kind, kind_name);
}

std::optional<SlotUse> use_named(std::string_view name) {
  return value_named(name, SlotUse::response, use_name);
}

std::optional<EventSource> source_named(std::string_view name) {
  return value_named(name, EventSource::pirq, source_name);
}

std::optional<ring::Ring> ring_named(std::string_view name) {
  if (name == ring_word(ring::Ring::tx)) return ring::Ring::tx;
  return name == ring_word(ring::Ring::rx) ? std::optional(ring::Ring::rx) : std::nullopt;
}

std::optional<ring::Abi> layout_named(std::string_view name) {
  if (name == layout_name(ring::Abi::flat)) return ring::Abi::flat;
  return name == layout_name(ring::Abi::sring) ? std::optional(ring::Abi::sring) : std::nullopt;
}

std::optional<IndexName> index_named(std::string_view name) {
  return value_named(name, IndexName::rsp_cons, [](IndexName index) { return index_name(index); });
}

std::optional<ByteRing> byte_ring_named(std::string_view name) {
  return value_named(name, ByteRing::out, [](ByteRing ring) { return ring_word(ring); });
}

std::optional<ByteIndex> byte_index_named(std::string_view name) {
  return value_named(name, ByteIndex::out_prod, [](ByteIndex index) { return index_name(index); });
}

std::optional<MaskBit> mask_named(std::string_view name) {
  return value_named(name, MaskBit::set, mask_name);
}

std::optional<ring::Raised> raised_named(std::string_view name) {
  return value_named(name, ring::Raised::already_selected, raised_name);
}

std::optional<std::uint8_t> frame_type_named(std::string_view name) {
  for (unsigned type = 0; type < frame_types; ++type) {
    if (frame_type_name(type) == name) return static_cast<std::uint8_t>(type);
  }
  return std::nullopt;
}

std::optional<Actor> actor_named(std::string_view name) {
  constexpr std::string_view dom = "dom";
  constexpr std::string_view numbered_by_domain[] = {"", ".tty", ".program"};
  constexpr Role roles_by_domain[] = {Role::domain, Role::tty, Role::program};
  if (name.starts_with(dom)) {
    const std::size_t dot = std::min(name.find('.'), name.size());
    const auto number = number_in(name.substr(dom.size(), dot - dom.size()), actor_number_max);
    for (std::size_t at = 0; number && at < std::size(roles_by_domain); ++at) {
      if (name.substr(dot) != numbered_by_domain[at]) continue;
      return at == 0 && *number == 0 ? actor(Role::dom0) : actor(roles_by_domain[at], *number);
    }
    return std::nullopt;
  }
  const std::size_t digits = name.find_last_not_of("0123456789") + 1;
  const auto role =
      value_named(name.substr(0, digits), last_role, [](Role each) { return actor_name(actor(each)); });
  if (!role) return std::nullopt;
  if (digits == name.size()) return actor(*role);
  const auto number = number_in(name.substr(digits), actor_number_max);
  return is_numbered(*role) && number && *number != 0 ? std::optional(actor(*role, *number)) : std::nullopt;
}

int depth_of(Role role) {
  switch (role) {
    case Role::user:
      return 0;
    case Role::uart:
      return 1;
    case Role::xen:
      return 2;
    case Role::dom0:
      return 3;
    case Role::client:
      return 4;
    case Role::xend:
    case Role::xenctld:
    case Role::xenconsoled:
      return 5;
    case Role::xcs:
      return 6;
    case Role::domain:
      return 7;
    case Role::tty:
      return 8;
    case Role::program:
      return 9;
  }
  return 0;
}

bool makes_sense(const Entry& entry) {
  if (!makes_sense(entry.actor) || !makes_sense(entry.peer)) return false;
  const bool has_ring = entry.ring == ring::Ring::tx || entry.ring == ring::Ring::rx;
  switch (entry.kind) {
    case Kind::slot_written:
      return has_ring && entry.detail <= static_cast<std::uint8_t>(SlotUse::response) &&
             entry.to_value < ring::slots_per_ring;
    case Kind::index_moved:
      return has_ring && entry.detail <= static_cast<std::uint8_t>(IndexName::rsp_cons);
    case Kind::event_raised:
      return entry.detail <= static_cast<std::uint8_t>(ring::Raised::already_selected) &&
             entry.from_value <= static_cast<std::uint32_t>(EventSource::pirq);
    case Kind::refused:
      return refusal_of(entry) <= last_refusal;
    case Kind::counted:
      return counter_of(entry) <= last_counter;
    case Kind::quirk:
      return entry.detail < quirks_known.size();
    case Kind::told:
      return fact_of(entry) <= last_fact;
    case Kind::mask_changed:
      return entry.detail <= static_cast<std::uint8_t>(MaskBit::set);
    case Kind::bytes_written:
    case Kind::bytes_found:
      return entry.detail <= static_cast<std::uint8_t>(ByteRing::out);
    case Kind::byte_index_moved:
    case Kind::byte_index_found:
      return entry.detail <= static_cast<std::uint8_t>(ByteIndex::out_prod);
    case Kind::event_taken:
    case Kind::frame_passed:
    case Kind::bytes_passed:
    case Kind::frame_taken:
      return true;
  }
  return false;
}

}  // namespace ringside::trace
