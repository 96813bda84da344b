// Computes rings and counters from entries.
#include "emu/script/state.h"

#include <algorithm>
#include <utility>

#include "emu/dom0/xcs/xcs_proto.h"
#include "ring/index.h"

namespace ringside::script {

namespace {

using trace::IndexName;
using trace::Kind;
using trace::Role;
using trace::SlotUse;

const std::vector<State::RingPoint> untouched{State::RingPoint{}};

bool is_console_request(const trace::Entry& entry) {
  return entry.detail == dom0::XCS_REQUEST && entry.message.type == ring::CMSG_CONSOLE;
}

}  // namespace

bool same_message(const ring::ControlMessage& one, const ring::ControlMessage& other) {
  return one.type == other.type && one.subtype == other.subtype && one.id == other.id &&
         std::ranges::equal(one.payload(), other.payload());
}

State::State() = default;

void State::take(const trace::Entry& entry) {
  entries_.push_back(entry);
  if (entry.kind != Kind::mask_changed) last_step_ = steps();
  flow_.take(steps(), entry);
  for (const trace::FlowPlace& place : flow_.touched()) count_level(place);
  switch (entry.kind) {
    case Kind::slot_written: {
      const auto use = std::min<std::size_t>(entry.detail, 1);
      if (entry.to_value >= ring::slots_per_ring) return;
      record(entry.domain, name_of(entry.ring)).slots[use][entry.to_value] = {steps(), true};
      return written(entry);
    }
    case Kind::index_moved:
      return index_moved(entry);
    case Kind::frame_taken:
      return carried(entry);
    case Kind::bytes_passed:
      if (entry.actor.role == Role::user) last_typed_.insert_or_assign(entry.domain, entry.actor);
      return;
    case Kind::refused:
      return count({CountedBy::refusal}, entry.actor, entry.domain, 1);
    case Kind::quirk:
      return count({CountedBy::quirk, entry.detail}, entry.actor, entry.domain, 1);
    case Kind::counted:
      return count({CountedBy::counter, entry.detail}, entry.actor, entry.domain,
                   std::int64_t{entry.to_value} - std::int64_t{entry.from_value});
    case Kind::told:
      if (trace::is(entry, trace::Fact::created)) page_made(entry.domain);
      if (trace::is(entry, trace::Fact::byte_rings)) rings_begin(entry);
      // Messages that an earlier xcs had read are lost with it.
      if (trace::is(entry, trace::Fact::xcs_listens)) carried_.clear();
      return;
    case Kind::frame_passed:
      if (const auto typed = last_typed_.find(entry.domain);
          entry.actor.role == Role::xend && is_console_request(entry) && typed != last_typed_.end()) {
        senders_.emplace(steps(), typed->second);
      }
      return;
    case Kind::event_raised:
    case Kind::event_taken:
    case Kind::mask_changed:
    case Kind::bytes_found:
      return;
    case Kind::bytes_written:
      return bytes_written(entry);
    case Kind::byte_index_moved:
    case Kind::byte_index_found:
      return byte_index(entry);
  }
}

void State::carried(const trace::Entry& entry) {
  const bool is_message = entry.detail == dom0::XCS_REQUEST || entry.detail == dom0::XCS_RESPONSE;
  if (entry.actor.role != Role::xcs || !is_message) return;
  auto& its = carried_[entry.domain];
  if (its.size() == messages_carried_max) its.pop_front();
  its.push_back({entry.peer, entry.detail, entry.message});
}

/// The journal does not link a message in a ring to its frame: this takes the first frame with the same
/// message.
void State::written(const trace::Entry& entry) {
  const auto all = carried_.find(entry.domain);
  if (entry.actor.role != Role::xcs || all == carried_.end()) return;
  const bool request = entry.detail == static_cast<std::uint8_t>(SlotUse::request);
  const std::uint32_t type = request ? dom0::XCS_REQUEST : dom0::XCS_RESPONSE;
  const auto its = std::ranges::find_if(all->second, [&](const Carried& each) {
    return each.type == type && same_message(each.message, entry.message);
  });
  if (its == all->second.end()) return;
  senders_.emplace(steps(), its->sender);
  all->second.erase(its);
}

void State::index_moved(const trace::Entry& entry) {
  if (entry.detail > static_cast<std::uint8_t>(IndexName::rsp_cons)) return;
  RingRecord& its = record(entry.domain, name_of(entry.ring));
  set(its, name_of(static_cast<IndexName>(entry.detail)), entry.to_value);
  const auto name = static_cast<IndexName>(entry.detail);
  if (name == IndexName::req_cons || name == IndexName::rsp_cons) took(entry, its);
}

void State::set(RingRecord& record, RingIndex index, std::uint32_t value) {
  RingPoint point = record.points.back();
  point.step = steps();
  point.indices[static_cast<std::size_t>(index)] = value;
  record.points.push_back(point);
}

/// What the guest finds may be older than what xenconsoled has reported.
void State::byte_index(const trace::Entry& entry) {
  if (entry.detail >= trace::byte_indices) return;
  const RingIndex index = name_of(static_cast<trace::ByteIndex>(entry.detail));
  const RingName ring = name_of(trace::byte_ring_of(entry));
  RingRecord& its = record(entry.domain, ring);
  const std::uint32_t known = its.points.back().at(index);
  const bool newer = known != entry.to_value && ring::distance(entry.to_value, known) <= size_of(ring);
  if (entry.kind == Kind::byte_index_moved || newer) set(its, index, entry.to_value);
}

void State::rings_begin(const trace::Entry& entry) {
  for (std::size_t at = 0; at < trace::byte_indices; ++at) {
    const auto index = static_cast<trace::ByteIndex>(at);
    RingRecord& its = record(entry.domain, name_of(trace::ring_of(index)));
    if (its.points.back().at(name_of(index)) != entry.values[at]) set(its, name_of(index), entry.values[at]);
  }
}

void State::bytes_written(const trace::Entry& entry) {
  bytes_written_[{entry.domain, name_of(trace::byte_ring_of(entry))}] += trace::text_of(entry);
}

std::string_view State::written_into(std::uint32_t domain, RingName ring) const {
  const auto found = bytes_written_.find({domain, ring});
  return found == bytes_written_.end() ? std::string_view() : std::string_view(found->second);
}

void State::took(const trace::Entry& entry, RingRecord& record) {
  const SlotUse use =
      static_cast<IndexName>(entry.detail) == IndexName::req_cons ? SlotUse::request : SlotUse::response;
  const std::uint32_t count_taken =
      std::min<std::uint32_t>(entry.to_value - entry.from_value, ring::slots_per_ring);
  for (std::uint32_t at = 0; at < count_taken; ++at) {
    Slot& slot = record.slots[static_cast<std::size_t>(use)][ring::slot_of(entry.from_value + at)];
    taken_.push_back(
        {Mark{steps(), at}, entry.actor, entry.domain, entry.ring, use, slot.written, slot.fresh});
    slot.fresh = false;
  }
}

/// The output that a daemon keeps.
void State::count_level(const trace::FlowPlace& place) {
  const bool daemon =
      place.role == Role::xend || place.role == Role::xenctld || place.role == Role::xenconsoled;
  if (place.ring != trace::FlowRing::none || place.down || !daemon) return;
  const auto now = static_cast<std::int64_t>(flow_.level(place));
  const std::int64_t before = std::exchange(levels_[place], now);
  count({CountedBy::level}, trace::actor(place.role), place.domain, now - before);
}

void State::count(CounterSource source, trace::Actor actor, std::uint32_t domain, std::int64_t change) {
  const std::array key{static_cast<std::uint32_t>(source.by) << 8 | source.detail,
                       static_cast<std::uint32_t>(actor.role), std::uint32_t{actor.number}, domain};
  const auto [at, fresh] = tally_by_key_.try_emplace(key, tallies_.size());
  if (fresh) tallies_.push_back({source, actor, domain});
  changes_.push_back({steps(), at->second, change});
}

State::RingRecord& State::record(std::uint32_t domain, RingName ring) {
  return rings_[{domain, ring}];
}

void State::page_made(std::uint32_t domain) {
  pages_[domain] = steps();
  for (const RingName ring : {RingName::tx, RingName::rx, RingName::in, RingName::out}) {
    const auto known = rings_.find({domain, ring});
    if (known == rings_.end()) continue;
    RingRecord& its = known->second;
    its.slots = {};
    if (its.points.back().indices != RingPoint{}.indices) its.points.push_back({steps(), {}});
  }
}

const std::vector<State::RingPoint>& State::ring(std::uint32_t domain, RingName ring) const {
  const auto found = rings_.find({domain, ring});
  return found == rings_.end() ? untouched : found->second.points;
}

const State::RingPoint& State::ring_at(std::uint32_t domain, RingName ring, Step step) const {
  const auto& points = this->ring(domain, ring);
  const auto after = std::ranges::upper_bound(points, step, {}, &RingPoint::step);
  return after == points.begin() ? points.front() : *std::prev(after);
}

Step State::page_since(std::uint32_t domain) const {
  const auto found = pages_.find(domain);
  return found == pages_.end() ? 0 : found->second;
}

std::optional<trace::Actor> State::sender(Step step) const {
  const auto found = senders_.find(step);
  return found == senders_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::uint32_t> State::domains() const {
  std::vector<std::uint32_t> found;
  for (const auto& [key, record] : rings_) {
    if (found.empty() || found.back() != key.first) found.push_back(key.first);
  }
  return found;
}

}  // namespace ringside::script
