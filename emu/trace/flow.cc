// Bytes and their numbers, hop by hop.
#include "emu/trace/flow.h"

#include <algorithm>

#include "emu/base/quirks.h"
#include "emu/trace/names.h"
#include "emu/trace/text.h"

namespace ringside::trace {

namespace {

constexpr std::size_t pieces_searched_max = 16;  ///< for one that overtook others
constexpr std::size_t connecting_max = 64;
constexpr std::uint8_t frame_connect_data = 1;

/// Whether bytes end their path there.
bool is_end(Role role, bool down) {
  return down ? role == Role::tty || role == Role::program : role == Role::user;
}

bool is_source(Role role, bool down) {
  return down ? role == Role::user || role == Role::client : role == Role::tty || role == Role::program;
}

bool is_console(const Entry& entry) {
  return entry.message.type == ring::CMSG_CONSOLE;
}

FlowPlace ring_place(const Entry& entry) {
  return {.ring = true, .domain = entry.domain, .down = entry.ring == ring::Ring::rx};
}

void add(std::vector<ByteRange>& ranges, std::uint64_t first, std::size_t count) {
  const auto number = static_cast<std::uint32_t>(count);
  if (!ranges.empty() && ranges.back().first + ranges.back().count == first)
    ranges.back().count += number;
  else
    ranges.push_back({first, number});
}

std::size_t common_prefix(std::string_view one, std::string_view other) {
  const std::size_t most = std::min(one.size(), other.size());
  return static_cast<std::size_t>(
      std::mismatch(one.begin(), one.begin() + static_cast<std::ptrdiff_t>(most), other.begin()).first -
      one.begin());
}

}  // namespace

FlowStep Flow::take(std::uint64_t step, const Entry& entry) {
  FlowStep done;
  touched_.clear();
  if (!makes_sense(entry)) return done;
  switch (entry.kind) {
    case Kind::bytes_passed:
      pass(step, entry, done);
      break;
    case Kind::frame_passed:
      learn(entry);
      if (entry.detail == frame_request && is_console(entry)) pass(step, entry, done);
      break;
    case Kind::slot_written:
      into_slot(step, entry, done);
      break;
    case Kind::index_moved:
      if (static_cast<IndexName>(entry.detail) == IndexName::req_cons) out_of_slots(step, entry, done);
      break;
    case Kind::quirk:
      if (quirk_of(entry) == Quirk::xcs_drop_when_full) {
        const FlowPlace place{.role = Role::xcs, .domain = entry.domain};
        const auto waiting = held_.find(place);
        if (waiting != held_.end() && !waiting->second.empty())
          lose(place, waiting->second.front().bytes.size(), done);
      }
      break;
    case Kind::counted:
      if (counter_of(entry) == Counter::console_bytes_discarded)
        lose({.role = entry.actor.role, .domain = entry.domain, .down = false},
             entry.to_value - entry.from_value, done);
      break;
    case Kind::told:
      if (is(entry, Fact::output_returned)) give_back(step, entry, done);
      break;
    case Kind::event_raised:
    case Kind::event_taken:
    case Kind::refused:
    case Kind::frame_taken:
      break;
  }
  return done;
}

std::size_t Flow::level(const FlowPlace& place) const {
  const auto found = levels_.find(place);
  return found == levels_.end() ? 0 : found->second;
}

FlowTotals Flow::totals(std::uint32_t domain, bool down) const {
  const auto found = totals_.find({domain, down});
  return found == totals_.end() ? FlowTotals{} : found->second;
}

Role Flow::behind(const Entry& entry, Actor actor) const {
  if (actor.role != Role::client) return actor.role;
  if (entry.kind != Kind::frame_passed && entry.kind != Kind::frame_taken) return Role::client;
  const auto found = connections_.find(actor.number);
  return found == connections_.end() ? Role::xend : found->second;
}

/// xcs answers connecting clients in the order in which they asked.
void Flow::learn(const Entry& entry) {
  if (entry.detail > frame_connect_data) return;
  if (entry.peer.role == Role::xcs) {
    if (connecting_.size() < connecting_max) connecting_.push_back(entry.actor.role);
  } else if (entry.actor.role == Role::xcs && entry.peer.role == Role::client && !connecting_.empty()) {
    connections_[entry.peer.number] = connecting_.front();
    connecting_.pop_front();
  }
}

void Flow::pass(std::uint64_t step, const Entry& entry, FlowStep& done) {
  const Role from = behind(entry, entry.actor);
  const Role to = behind(entry, entry.peer);
  if (depth_of(from) == depth_of(to)) return;
  const bool down = depth_of(from) < depth_of(to);
  const FlowPlace sender{.role = from, .domain = entry.domain, .down = down};
  const bool takes = from == Role::xcs || from == Role::xenctld;
  if (!down && takes && held_[sender].empty()) fetch(sender);
  Pieces pieces = pull(sender, text_of(entry), step, done);
  push({.role = to, .domain = entry.domain, .down = down}, std::move(pieces), step);
}

void Flow::into_slot(std::uint64_t step, const Entry& entry, FlowStep& done) {
  const FlowPlace place = ring_place(entry);
  const auto slot = std::pair(place, entry.to_value);
  if (static_cast<SlotUse>(entry.detail) == SlotUse::response || !is_console(entry)) return;
  Pieces pieces = pull({.role = entry.actor.role, .domain = entry.domain, .down = place.down}, text_of(entry),
                       step, done);
  for (const Piece& over : slots_[slot]) touch(place, -static_cast<std::ptrdiff_t>(over.bytes.size()));
  for (Piece& each : pieces) {
    each.step = step;
    touch(place, static_cast<std::ptrdiff_t>(each.bytes.size()));
  }
  slots_[slot] = std::move(pieces);
}

void Flow::out_of_slots(std::uint64_t step, const Entry& entry, FlowStep& done) {
  const FlowPlace place = ring_place(entry);
  const std::uint32_t count =
      std::min<std::uint32_t>(entry.to_value - entry.from_value, ring::slots_per_ring);
  next_slot_[place] = ring::slot_of(entry.to_value);
  const FlowPlace taker{.role = entry.actor.role, .domain = entry.domain, .down = place.down};
  for (std::uint32_t at = 0; at < count; ++at) {
    Pieces& pieces = slots_[{place, ring::slot_of(entry.from_value + at)}];
    if (pieces.empty()) continue;
    if (done.came_at == 0) done.came_at = pieces.front().step;
    for (const Piece& each : pieces) {
      touch(place, -static_cast<std::ptrdiff_t>(each.bytes.size()));
      add(done.bytes, each.first, each.bytes.size());
    }
    push(taker, std::move(pieces), step);
    pieces.clear();
  }
}

/// xcs first passes on what it finds in a slot, and then reports that it took it.
void Flow::fetch(const FlowPlace& taker) {
  const FlowPlace ring{.ring = true, .domain = taker.domain, .down = false};
  const std::uint32_t next = next_slot_[ring];
  for (std::uint32_t at = 0; at < ring::slots_per_ring; ++at) {
    const auto found = slots_.find({ring, ring::slot_of(next + at)});
    if (found == slots_.end() || found->second.empty()) continue;
    for (const Piece& each : found->second) touch(ring, -static_cast<std::ptrdiff_t>(each.bytes.size()));
    held_[taker] = std::exchange(found->second, {});
    for (const Piece& each : held_[taker]) touch(taker, static_cast<std::ptrdiff_t>(each.bytes.size()));
    return;
  }
}

void Flow::lose(const FlowPlace& place, std::size_t bytes, FlowStep& done) {
  Pieces& held = held_[place];
  while (bytes > 0 && !held.empty()) {
    Piece& front = held.front();
    const std::size_t part = std::min(bytes, front.bytes.size());
    add(done.bytes, front.first, part);
    if (done.came_at == 0) done.came_at = front.step;
    done.lost = true;
    totals_[{place.domain, place.down}].lost += part;
    touch(place, -static_cast<std::ptrdiff_t>(part));
    bytes -= part;
    front.first += part;
    front.bytes.erase(0, part);
    if (front.bytes.empty()) held.pop_front();
  }
}

/// A reader has left the newest bytes unread that its pty had: they go back to the front of the queue.
void Flow::give_back(std::uint64_t step, const Entry& entry, FlowStep& done) {
  const FlowPlace pty{.role = Role::client, .domain = entry.domain, .down = false};
  const FlowPlace queue{.role = entry.actor.role, .domain = entry.domain, .down = false};
  Pieces& unread = held_[pty];
  for (std::size_t left = entry.values[0]; left > 0 && !unread.empty();) {
    Piece& last = unread.back();
    const std::size_t part = std::min(left, last.bytes.size());
    const std::size_t kept = last.bytes.size() - part;
    if (done.came_at == 0) done.came_at = last.step;
    done.bytes.insert(done.bytes.begin(), {last.first + kept, static_cast<std::uint32_t>(part)});
    held_[queue].push_front({last.first + kept, last.bytes.substr(kept), step});
    touch(pty, -static_cast<std::ptrdiff_t>(part));
    touch(queue, static_cast<std::ptrdiff_t>(part));
    last.bytes.resize(kept);
    if (kept == 0) unread.pop_back();
    left -= part;
  }
}

/// Takes `bytes` from those held there, the oldest first. Bytes that are not there are new, and get numbers.
Flow::Pieces Flow::pull(const FlowPlace& place, std::string_view bytes, std::uint64_t step, FlowStep& done) {
  Pieces out;
  Pieces& held = held_[place];
  const auto give = [&](std::uint64_t first, std::string_view part) {
    add(done.bytes, first, part.size());
    out.push_back({first, std::string(part), step});
    bytes.remove_prefix(part.size());
  };
  while (!bytes.empty()) {
    std::size_t at = 0;
    const std::size_t most = std::min(held.size(), pieces_searched_max);
    while (at < most && held[at].bytes.front() != bytes.front()) ++at;
    if (at < most) {
      Piece& piece = held[at];
      const std::size_t part = common_prefix(piece.bytes, bytes);
      if (done.came_at == 0) done.came_at = piece.step;
      give(piece.first, bytes.substr(0, part));
      touch(place, -static_cast<std::ptrdiff_t>(part));
      piece.first += part;
      piece.bytes.erase(0, part);
      if (piece.bytes.empty()) held.erase(held.begin() + static_cast<std::ptrdiff_t>(at));
      continue;
    }
    const std::size_t born = held.empty() ? bytes.size() : 1;
    // Bytes that were there before the first entry appear only later. Xen's own output on its serial line
    // belongs to no domain.
    const bool counts = is_source(place.role, place.down) || place.domain != 0;
    if (counts) totals_[{place.domain, place.down}].said += born;
    const std::uint64_t first = next_;
    next_ += born;
    give(first, bytes.substr(0, born));
  }
  return out;
}

void Flow::push(const FlowPlace& place, Pieces pieces, std::uint64_t step) {
  Pieces& held = held_[place];
  for (Piece& each : pieces) {
    const std::size_t bytes = each.bytes.size();
    if (is_end(place.role, place.down)) {
      totals_[{place.domain, place.down}].delivered += bytes;
      touch(place, 0);
      continue;
    }
    touch(place, static_cast<std::ptrdiff_t>(bytes));
    each.step = step;
    held.push_back(std::move(each));
  }
  while (levels_[place] > place_bytes_max_ && !held.empty()) {
    touch(place, -static_cast<std::ptrdiff_t>(held.front().bytes.size()));
    held.pop_front();
  }
}

void Flow::touch(const FlowPlace& place, std::ptrdiff_t change) {
  std::size_t& level = levels_[place];
  level = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(level) + change);
  if (std::ranges::find(touched_, place) == touched_.end()) touched_.push_back(place);
}

}  // namespace ringside::trace
