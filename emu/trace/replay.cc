// The state of the machine after each step of a journal.
#include "emu/trace/replay.h"

#include <fmt/format.h>

#include <algorithm>

#include "emu/trace/names.h"
#include "emu/trace/text.h"

namespace ringside::trace {

namespace {

const ReplayedRing untouched{};
const ReplayedByteRing untouched_bytes{};
constexpr std::size_t ring_text_parts = 8;

/// Events for dom0's processes are raised at a port of dom0; all others at one of the domain.
std::uint32_t receiver_of(Actor actor) {
  return actor.role == Role::domain ? actor.number : 0;
}

}  // namespace

char slot_glyph(SlotState state) {
  switch (state) {
    case SlotState::free:
      return '.';
    case SlotState::request:
      return '#';
    case SlotState::response:
      return '+';
    case SlotState::stale:
      return '-';
  }
  return '?';
}

std::string_view slot_state_name(SlotState state) {
  switch (state) {
    case SlotState::free:
      return "free";
    case SlotState::request:
      return "request";
    case SlotState::response:
      return "response";
    case SlotState::stale:
      return "stale";
  }
  return "unknown";
}

namespace {

/// The page shows which requests have no response. It does not show which responses were taken: all other
/// slots count as stale, with their contents. Both private indices get the value of rsp_prod, and are not
/// known.
ReplayedRing ring_in_page(const JournalRing& page) {
  ReplayedRing ring;
  ring.indices = {page.req_prod, page.rsp_prod, page.rsp_prod, page.rsp_prod};
  ring.known =
      1u << static_cast<unsigned>(IndexName::req_prod) | 1u << static_cast<unsigned>(IndexName::rsp_prod);
  const std::uint32_t open = std::min<std::uint32_t>(ring.outstanding(), ring::slots_per_ring);
  for (std::uint32_t slot = 0; slot < ring::slots_per_ring; ++slot) {
    const std::uint32_t before = ring::slot_of(page.req_prod - 1 - slot);  // 0: the last request is there
    ReplayedSlot& its = ring.slots[slot];
    its.message = page.slots[slot];
    if (before < open)
      its.state = SlotState::request;
    else if (before < page.req_prod)
      its.state = SlotState::stale;
  }
  return ring;
}

}  // namespace

void Replay::begin(const JournalHeader& header) {
  for (const JournalDomain& domain : header.domains) {
    if (domain.byte_rings) {
      for (const ByteRing which : {ByteRing::in, ByteRing::out}) {
        const JournalByteRing& page = (*domain.byte_rings)[static_cast<std::size_t>(which)];
        ReplayedByteRing& its = byte_ring_of_today(domain.id, which);
        its = {.prod = page.prod, .cons = page.cons, .prod_known = true, .cons_known = true};
        its.bytes.resize(size_of(which));
        its.bytes_end = page.prod;
        for (std::size_t at = 0; at < page.bytes.size(); ++at)
          its.bytes[place_in(which, page.cons + static_cast<std::uint32_t>(at))] = page.bytes[at];
      }
      continue;
    }
    if (!domain.rings) continue;
    for (const ring::Ring ring : {ring::Ring::tx, ring::Ring::rx})
      rings_[{domain.id, ring}] = ring_in_page((*domain.rings)[static_cast<std::size_t>(ring)]);
  }
}

void Replay::take(std::uint64_t step, const Entry& entry) {
  if (!makes_sense(entry)) return;
  switch (entry.kind) {
    case Kind::slot_written:
      return slot_written(step, entry);
    case Kind::index_moved:
      return index_moved(entry);
    case Kind::bytes_written:
    case Kind::bytes_found:
      return bytes_in_ring(entry);
    case Kind::byte_index_moved:
    case Kind::byte_index_found:
      return byte_index(entry.domain, static_cast<ByteIndex>(entry.detail), entry.to_value);
    case Kind::event_raised:
      return event_raised(entry);
    case Kind::event_taken:
      return event_taken(entry);
    case Kind::mask_changed:
      ports_[{receiver_of(entry.actor), entry.port}].masked =
          static_cast<MaskBit>(entry.detail) == MaskBit::set;
      return;
    case Kind::told:
      return told(entry);
    case Kind::frame_passed:
    case Kind::frame_taken:
    case Kind::bytes_passed:
    case Kind::refused:
    case Kind::counted:
    case Kind::quirk:
      return;
  }
}

const ReplayedRing& Replay::ring(std::uint32_t domain, ring::Ring ring) const {
  const auto found = rings_.find({domain, ring});
  return found == rings_.end() ? untouched : found->second;
}

void Replay::slot_written(std::uint64_t step, const Entry& entry) {
  const bool response = static_cast<SlotUse>(entry.detail) == SlotUse::response;
  rings_[{entry.domain, entry.ring}].slots[entry.to_value] = {
      response ? SlotState::response : SlotState::request, entry.message, step};
}

/// Taking responses frees their slots. Not more than a ring holds can have been taken.
void Replay::index_moved(const Entry& entry) {
  ReplayedRing& its = rings_[{entry.domain, entry.ring}];
  its.indices[entry.detail] = entry.to_value;
  its.known = static_cast<std::uint8_t>(its.known | 1u << entry.detail);
  if (static_cast<IndexName>(entry.detail) != IndexName::rsp_cons) return;
  const std::uint32_t taken =
      std::min<std::uint32_t>(entry.to_value - entry.from_value, ring::slots_per_ring);
  for (std::uint32_t at = 0; at < taken; ++at) {
    ReplayedSlot& slot = its.slots[ring::slot_of(entry.to_value - 1 - at)];
    if (slot.state != SlotState::free) slot.state = SlotState::stale;
  }
}

const ReplayedByteRing& Replay::byte_ring(std::uint32_t domain, ByteRing ring) const {
  const auto found = byte_rings_.find({domain, ring});
  return found == byte_rings_.end() ? untouched_bytes : found->second;
}

/// A domain of today uses no control rings.
ReplayedByteRing& Replay::byte_ring_of_today(std::uint32_t domain, ByteRing ring) {
  if (!is_today(domain)) {
    rings_.erase({domain, ring::Ring::tx});
    rings_.erase({domain, ring::Ring::rx});
    byte_rings_[{domain, ByteRing::in}];
    byte_rings_[{domain, ByteRing::out}];
  }
  return byte_rings_[{domain, ring}];
}

void Replay::bytes_in_ring(const Entry& entry) {
  const ByteRing which = byte_ring_of(entry);
  ReplayedByteRing& its = byte_ring_of_today(entry.domain, which);
  its.bytes.resize(size_of(which));
  std::uint32_t index = entry.from_value;
  for (const std::uint8_t byte : entry.message.payload()) its.bytes[place_in(which, index++)] = byte;
  its.bytes_end = index;
}

void Replay::byte_index(std::uint32_t domain, ByteIndex index, std::uint32_t value) {
  ReplayedByteRing& its = byte_ring_of_today(domain, ring_of(index));
  (is_cons(index) ? its.cons : its.prod) = value;
  (is_cons(index) ? its.cons_known : its.prod_known) = true;
}

void Replay::event_raised(const Entry& entry) {
  ReplayedPort& its = ports_[{receiver_of(entry.peer), entry.port}];
  ++its.raised;
  its.pending = true;
  switch (static_cast<ring::Raised>(entry.detail)) {
    case ring::Raised::kick:
      ++its.kicks;
      ++its.unread;
      its.masked = false;
      its.selected = true;
      return;
    case ring::Raised::already_selected:
      its.masked = false;
      its.selected = true;
      return;
    case ring::Raised::masked:
      its.masked = true;
      return;
    case ring::Raised::already_pending:
      return;
  }
}

void Replay::event_taken(const Entry& entry) {
  ReplayedPort& its = ports_[{receiver_of(entry.actor), entry.port}];
  its.pending = false;
  its.selected = false;
  its.unread = 0;
}

/// A new domain has a new page, all of it 0; Xen clears the bits of a port that is used again.
void Replay::told(const Entry& entry) {
  if (is(entry, Fact::port_closed)) {
    const auto closed = ports_.find({entry.values[1], entry.values[0]});
    if (closed != ports_.end()) closed->second = {};
  }
  if (is(entry, Fact::byte_rings)) {
    for (std::size_t index = 0; index < byte_indices; ++index)
      byte_index(entry.domain, static_cast<ByteIndex>(index), entry.values[index]);
  }
  if (entry.actor.role != Role::xen || fact_of(entry) != Fact::created) return;
  for (const ByteRing ring : {ByteRing::in, ByteRing::out}) byte_rings_.erase({entry.domain, ring});
  for (const ring::Ring ring : {ring::Ring::tx, ring::Ring::rx})
    rings_[{entry.domain, ring}] = {.indices = {}, .known = 0xf, .slots = {}};
  for (auto& [key, port] : ports_) {
    if (key.first == entry.domain && entry.domain != 0) port = {};
  }
}

std::vector<std::uint8_t> ReplayedByteRing::waiting_bytes(ByteRing which) const {
  if (bytes.empty()) return {};
  std::uint32_t count = waiting(which).value_or(0);
  const std::uint32_t unknown = prod - bytes_end;
  if (unknown <= size_of(which)) count -= std::min(count, unknown);
  std::vector<std::uint8_t> all(count);
  for (std::uint32_t at = 0; at < all.size(); ++at) all[at] = bytes[place_in(which, cons + at)];
  return all;
}

std::string byte_bar(ByteRing which, const ReplayedByteRing& ring, std::size_t parts) {
  std::string bar(parts, '.');
  const std::uint32_t size = size_of(which);
  for (std::uint32_t at = 0; at < ring.waiting(which).value_or(0); ++at)
    bar[std::size_t{place_in(which, ring.cons + at)} * parts / size] = '#';
  return bar;
}

std::string ring_text(ByteRing which, const ReplayedByteRing& ring) {
  const auto waiting = ring.waiting(which);
  return fmt::format("{} {} {}", ring_word(which), byte_bar(which, ring, ring_text_parts),
                     waiting ? std::to_string(*waiting) : "?!");
}

std::string ring_text(ring::Ring which, const ReplayedRing& ring) {
  std::string slots;
  for (const ReplayedSlot& each : ring.slots) slots += slot_glyph(each.state);
  return fmt::format("{} {} {}/{}", ring_word(which), slots, ring.outstanding(), ring::slots_per_ring);
}

}  // namespace ringside::trace
