// The bytes in the byte rings of today's console. If only the guest reports, what it finds was put there, or
// taken, by xenconsoled, at a time that is not known.
//
// The bytes of a ring that Flow holds are those before byte_ring_ends. So an index says which of them have
// left, whatever the entries said before. An index that would leave more than Flow holds is impossible, or
// speaks of bytes that are older than the journal; it moves nothing.
#include "emu/trace/flow.h"

namespace ringside::trace {

namespace {

FlowPlace byte_ring_place(std::uint32_t domain, ByteRing ring) {
  return {.ring = FlowRing::bytes, .domain = domain, .down = ring == ByteRing::in};
}

FlowPlace pty_place(std::uint32_t domain) {
  return {.role = Role::xenconsoled, .domain = domain};
}

}  // namespace

void Flow::begin(const JournalHeader& header) {
  for (const JournalDomain& domain : header.domains) {
    if (!domain.byte_rings) continue;
    for (const ByteRing which : {ByteRing::in, ByteRing::out}) {
      const JournalByteRing& page = (*domain.byte_rings)[static_cast<std::size_t>(which)];
      const FlowPlace place = byte_ring_place(domain.id, which);
      known_[domain.id].byte_ring_ends[static_cast<std::size_t>(which)] = page.prod;
      push(place, made(place, page.bytes.size()));
    }
  }
  touched_.clear();
  done_ = {};
}

/// The bytes that wait in `in` are entries after this one, unless xenconsoled has reported them before: what
/// is typed while a domain is paused, or does not run yet.
void Flow::begin_byte_rings(const Entry& entry) {
  Known& its = known_[entry.domain];
  auto& [in_end, out_end] = its.byte_ring_ends;
  if (its.xenconsoled == Xenconsoled::silent || !in_end)
    in_end = entry.values[static_cast<std::size_t>(ByteIndex::in_cons)];
  out_end = entry.values[static_cast<std::size_t>(ByteIndex::out_prod)];
}

/// Bytes that the ring had already are in the header of the journal.
void Flow::bytes_in_ring(const Entry& entry) {
  const ByteRing which = byte_ring_of(entry);
  const FlowPlace place = byte_ring_place(entry.domain, which);
  auto& end = known_[entry.domain].byte_ring_ends[static_cast<std::size_t>(which)];
  const auto count = static_cast<std::uint32_t>(entry.message.payload().size());
  const std::uint32_t again = end.value_or(entry.from_value) - entry.from_value;
  if (again >= count && again <= size_of(which)) return;
  const std::uint32_t fresh = again < count ? count - again : count;
  end = entry.from_value + count;
  if (entry.kind == Kind::bytes_written) {
    const FlowPlace writer{.role = entry.actor.role, .domain = entry.domain, .down = place.down};
    return push(place, leave(writer, fresh));
  }
  const FlowPlace pty = pty_place(entry.domain);
  Pieces pieces = pull(pty, fresh);
  std::size_t known = 0;
  for (const Piece& each : pieces) known += each.count;
  const Pieces others = made(place, fresh - known);
  pieces.insert(pieces.end(), others.begin(), others.end());
  push(place, std::move(pieces));
}

void Flow::byte_index(const Entry& entry) {
  const auto index = static_cast<ByteIndex>(entry.detail);
  if (!is_cons(index)) return;
  Pieces pieces = leave_byte_ring(byte_ring_place(entry.domain, ring_of(index)), entry.to_value);
  if (entry.kind == Kind::byte_index_moved)
    push({.role = entry.actor.role, .domain = entry.domain, .down = index == ByteIndex::in_cons},
         std::move(pieces));
  else
    unsee(pieces, entry.domain);
}

/// Takes the bytes before `index`.
Flow::Pieces Flow::leave_byte_ring(const FlowPlace& ring, std::uint32_t index) {
  const auto end =
      known_[ring.domain].byte_ring_ends[static_cast<std::size_t>(ring.down ? ByteRing::in : ByteRing::out)];
  const std::size_t held = level(ring);
  const std::uint32_t left = end.value_or(index) - index;
  if (!end || left > held) return {};
  return pull(ring, held - left);
}

/// It was killed, with its pty and the output that it kept, now or at the latest before the pty that is made
/// now.
void Flow::lose_with_xenconsoled(std::uint32_t domain) {
  for (const bool down : {true, false})
    lose_all({.role = Role::xenconsoled, .domain = domain, .down = down}, Loss::with_daemon);
  leave_viewer(domain);
}

/// The domain is gone, and no daemon will look at its rings again. Whether a silent xenconsoled had taken the
/// last bytes is not known.
void Flow::end_byte_rings(std::uint32_t domain) {
  lose_all({.ring = FlowRing::bytes, .domain = domain}, Loss::ended);
  const Pieces in_out = pull({.ring = FlowRing::bytes, .domain = domain, .down = false}, all_bytes);
  if (known_[domain].xenconsoled == Xenconsoled::silent) return unsee(in_out, domain);
  lose(domain, false, in_out, Loss::ended);
}

void Flow::lose_middle(const Entry& entry) {
  const FlowPlace place{.role = entry.actor.role, .domain = entry.domain, .down = false};
  const FlowStep done = done_;
  const Pieces first = pull(place, entry.values[0]);
  done_ = done;
  lose(entry.domain, false, pull(place, entry.values[1]), Loss::discarded);
  const FlowStep lost = done_;
  const Pieces rest = pull(place, all_bytes);
  put_back(place, first);
  put_back(place, rest);
  done_ = lost;
}

/// A guest reports that its terminal has taken bytes before it reports that it has taken them from the ring.
void Flow::fetch_from_in(std::uint32_t domain, std::size_t bytes) {
  const FlowPlace guest{.role = Role::domain, .domain = domain};
  const std::size_t held = level(guest);
  if (bytes <= held) return;
  const FlowStep done = done_;
  push(guest, pull(byte_ring_place(domain, ByteRing::in), bytes - held));
  done_ = done;
}

void Flow::unsee(const Pieces& pieces, std::uint32_t domain) {
  FlowTotals& totals = totals_[{domain, false}];
  Queue& taken = taken_unseen_[domain];
  for (const Piece& each : pieces) {
    totals.unseen += each.count;
    taken.append(each);
  }
  while (taken.bytes > place_bytes_max_) (void)taken.take(0, taken.bytes - place_bytes_max_, false);
}

/// xenconsoled has taken what a viewer of its pty shows, even if the guest has not found that yet.
Flow::Pieces Flow::shown_by_viewer(std::uint32_t domain, std::size_t bytes) {
  const auto found = taken_unseen_.find(domain);
  Pieces out;
  if (found != taken_unseen_.end()) {
    while (bytes != 0 && !found->second.pieces.empty()) {
      out.push_back(found->second.take(0, bytes, false));
      bytes -= out.back().count;
      totals_[{domain, false}].unseen -= out.back().count;
    }
    if (!out.empty()) note({.role = Role::xenconsoled, .domain = domain, .down = false}, out);
  }
  if (bytes == 0) return out;
  const Pieces waiting = pull(byte_ring_place(domain, ByteRing::out), bytes);
  out.insert(out.end(), waiting.begin(), waiting.end());
  return out;
}

}  // namespace ringside::trace
