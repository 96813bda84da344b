// The queues in which Flow keeps bytes, and how bytes move between places.
#include <algorithm>

#include "emu/trace/flow.h"

namespace ringside::trace {

namespace {

/// More than one domain can have unanswered.
constexpr std::size_t tags_kept_max = 64;
constexpr std::size_t strays_bytes_max = 65'536;

void add(std::vector<ByteRange>& ranges, std::uint64_t first, std::size_t count) {
  const auto number = static_cast<std::uint32_t>(count);
  if (!ranges.empty() && ranges.back().first + ranges.back().count == first)
    ranges.back().count += number;
  else
    ranges.push_back({first, number});
}

}  // namespace

void Flow::Queue::append(const Piece& piece) {
  bytes += piece.count;
  pieces.push_back(piece);
}

/// Removes at most `most` bytes of the piece at `at`: its last ones if `newest`, else its first.
Flow::Piece Flow::Queue::take(std::size_t at, std::size_t most, bool newest) {
  Piece& piece = pieces[at];
  Piece taken = piece;
  taken.count = std::min(most, piece.count);
  piece.count -= taken.count;
  bytes -= taken.count;
  (newest ? taken : piece).first += newest ? piece.count : taken.count;
  if (piece.count == 0) pieces.erase(pieces.begin() + static_cast<std::ptrdiff_t>(at));
  return taken;
}

Flow::Pieces Flow::pull(const FlowPlace& place, std::size_t bytes, const Which& which) {
  Pieces out;
  const auto found = held_.find(place);
  if (found == held_.end()) return out;
  Queue& queue = found->second;
  const auto meant = [&which](const Piece& piece) {
    return (!which.number || piece.number == which.number) && (!which.slot || piece.slot == *which.slot) &&
           !(which.unnumbered && piece.number);
  };
  for (std::size_t passed_over = 0; bytes > 0 && passed_over < queue.pieces.size();) {
    const std::size_t at = which.newest ? queue.pieces.size() - 1 - passed_over : passed_over;
    if (!meant(queue.pieces[at])) {
      ++passed_over;
      continue;
    }
    out.push_back(queue.take(at, bytes, which.newest));
    bytes -= out.back().count;
  }
  if (out.empty()) return out;
  if (which.newest) std::ranges::reverse(out);
  note(place, out);
  return out;
}

void Flow::note(const FlowPlace& place, const Pieces& pieces) {
  touch(place);
  if (done_.came_at == 0) done_.came_at = pieces.front().step;
  for (const Piece& each : pieces) add(done_.bytes, each.first, each.count);
}

Flow::Pieces Flow::leave(const FlowPlace& place, std::size_t bytes) {
  if (place.role == Role::xenctld && !place.down) fetch(place, bytes);
  if (place.role == Role::domain && place.down) fetch_from_in(place.domain, bytes);
  Pieces out;
  const auto more = [&](const Pieces& pieces) {
    for (const Piece& each : pieces) bytes -= each.count;
    out.insert(out.end(), pieces.begin(), pieces.end());
  };
  if (place.role == Role::client && !place.down) {
    // A viewer's bytes have no number; those that another client of xcs took have one.
    more(pull(place, bytes, {.unnumbered = true}));
    if (bytes != 0) more(recovered(place.domain, bytes));
    if (bytes != 0) more(shown_by_viewer(place.domain, bytes));
  }
  more(pull(place, bytes));
  if (bytes == 0) return out;
  const auto known = known_.find(place.domain);
  const bool reports = known != known_.end() && known->second.reports;
  // A kernel that never reports where its output is from counts as the origin.
  if (place.role != Role::domain || place.down || reports)
    totals_[{place.domain, place.down}].appeared += bytes;
  more(made(place, bytes));
  return out;
}

/// xenctld uses the messages in the ring before it reports that it has taken them.
void Flow::fetch(const FlowPlace& taker, std::size_t bytes) {
  const FlowPlace ring{.ring = FlowRing::messages, .domain = taker.domain, .down = false};
  const FlowStep done = done_;
  while (bytes > level(taker) && level(ring) != 0) push(taker, pull(ring, held_[ring].pieces.front().count));
  done_ = done;
}

/// Bytes that were counted as lost with a viewer, and that the viewer has shown after all.
Flow::Pieces Flow::recovered(std::uint32_t domain, std::size_t bytes) {
  Pieces out;
  Queue& strays = strays_[domain];
  while (bytes != 0 && !strays.pieces.empty()) {
    out.push_back(strays.take(0, bytes, false));
    bytes -= out.back().count;
    totals_[{domain, false}].lost_by[static_cast<std::size_t>(Loss::with_viewer)] -= out.back().count;
  }
  if (!out.empty()) note({.role = Role::client, .domain = domain, .down = false}, out);
  return out;
}

Flow::Pieces Flow::made(const FlowPlace& place, std::size_t bytes) {
  if (bytes == 0) return {};
  // Xen's own output on its serial line belongs to no domain.
  if (place.domain != 0 || place.role != Role::xen) totals_[{place.domain, place.down}].said += bytes;
  add(done_.bytes, next_, bytes);
  next_ += bytes;
  return {{next_ - bytes, bytes, step_, {}, 0, false}};
}

void Flow::push(const FlowPlace& place, Pieces pieces, std::optional<std::uint32_t> number) {
  for (Piece& each : pieces) {
    each.step = step_;
    each.number = number;
    each.passed = false;
  }
  put_back(place, pieces);
}

void Flow::put_back(const FlowPlace& place, const Pieces& pieces) {
  if (pieces.empty()) return;
  touch(place);
  Queue& queue = held_[place];
  for (const Piece& each : pieces) queue.append(each);
  while (queue.bytes > place_bytes_max_)
    totals_[{place.domain, place.down}].unseen += queue.take(0, queue.bytes - place_bytes_max_, false).count;
}

void Flow::arrive(const FlowPlace& place, Pieces pieces) {
  const bool ends =
      place.down ? place.role == Role::tty || place.role == Role::program : place.role == Role::user;
  if (!ends) return push(place, std::move(pieces));
  for (const Piece& each : pieces) totals_[{place.domain, place.down}].delivered += each.count;
  touch(place);
}

void Flow::lose(std::uint32_t domain, bool down, const Pieces& pieces, Loss why) {
  for (const Piece& each : pieces)
    totals_[{domain, down}].lost_by[static_cast<std::size_t>(why)] += each.count;
  done_.lost = done_.lost || !pieces.empty();
}

void Flow::lose_all(const FlowPlace& place, Loss why) {
  lose(place.domain, place.down, pull(place, all_bytes), why);
}

void Flow::touch(const FlowPlace& place) {
  if (std::ranges::find(touched_, place) == touched_.end()) touched_.push_back(place);
}

bool Flow::is_gone(std::uint32_t domain) const {
  const auto known = known_.find(domain);
  return known != known_.end() && known->second.gone;
}

bool Flow::sent_before(std::uint32_t domain, std::optional<std::uint32_t> tag) const {
  const auto known = known_.find(domain);
  return tag && known != known_.end() &&
         std::ranges::find(known->second.sent, *tag, &Sent::tag) != known->second.sent.end();
}

void Flow::note_sent(std::uint32_t domain, std::optional<std::uint32_t> tag, std::size_t bytes) {
  if (!tag) return;
  auto& sent = known_[domain].sent;
  sent.push_back({*tag, bytes});
  if (sent.size() > tags_kept_max) sent.pop_front();
}

}  // namespace ringside::trace
