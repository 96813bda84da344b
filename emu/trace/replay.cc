// The state of the machine after each step of a journal.
#include "emu/trace/replay.h"

#include <fmt/format.h>

#include <algorithm>

#include "emu/trace/names.h"
#include "emu/trace/text.h"

namespace ringside::trace {

namespace {

const ReplayedRing untouched{};

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
  if (entry.actor.role != Role::xen || fact_of(entry) != Fact::created) return;
  for (const ring::Ring ring : {ring::Ring::tx, ring::Ring::rx})
    rings_[{entry.domain, ring}] = {.indices = {}, .known = 0xf, .slots = {}};
  for (auto& [key, port] : ports_) {
    if (key.first == entry.domain && entry.domain != 0) port = {};
  }
}

std::string ring_text(ring::Ring which, const ReplayedRing& ring) {
  std::string slots;
  for (const ReplayedSlot& each : ring.slots) slots += slot_glyph(each.state);
  return fmt::format("{} {} {}/{}", ring_word(which), slots, ring.outstanding(), ring::slots_per_ring);
}

}  // namespace ringside::trace
