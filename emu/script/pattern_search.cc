// Searches for what an expectation describes.
#include "emu/script/pattern_search.h"

#include <fmt/format.h>

#include <algorithm>

#include "emu/dom0/xcs/xcs_proto.h"

namespace ringside::script {

namespace {

using trace::Role;
using trace::SlotUse;
using Verdict = PatternSearch::Verdict;

bool is_line_end(char byte) {
  return byte == '\n' || byte == '\r';
}

bool all_hold(const RingState& state, const State::RingPoint& point) {
  return std::ranges::all_of(state.tests, [&](const IndexTest& test) {
    return holds(point.at(test.index), test.compare, test.number);
  });
}

bool same_place(const Place& one, const Place& other) {
  return one.kind == other.kind && one.name == other.name && one.actor == other.actor &&
         (one.kind != Place::Kind::ring || one.ring == other.ring);
}

std::string counter_key(const Actor& actor, std::string_view counter, const std::optional<Actor>& of) {
  return fmt::format("{}.{}{}", spelled(actor), counter, of ? " of " + spelled(*of) : "");
}

std::string ring_key(const RingRef& ring) {
  return fmt::format("dom{}.{}", ring.domain, spelled(ring.ring));
}

}  // namespace

std::string spelled(const Place& place) {
  switch (place.kind) {
    case Place::Kind::domain:
    case Place::Kind::user:
      return spelled(place.actor);
    case Place::Kind::uart:
      return "uart";
    case Place::Kind::pty:
      return place.name.empty() ? "pty" : place.name;
    case Place::Kind::ring:
      return fmt::format("{}.{}", spelled(place.actor), spelled(place.ring));
  }
  return "";
}

std::string_view bytes_at(const Observed& observed, const Place& place) {
  switch (place.kind) {
    case Place::Kind::domain:
      return observed.stage.program_read(place.actor.domain);
    case Place::Kind::user:
      return observed.stage.user_saw(place.actor.name);
    case Place::Kind::uart:
      return observed.stage.uart_showed();
    case Place::Kind::pty:
      return observed.stage.pty_showed(observed.actor_map.pty(place.name));
    case Place::Kind::ring:
      return observed.state.written_into(place.actor.domain, place.ring);
  }
  return {};
}

bool is_reply(const dom0::XcsMessage& frame) {
  return frame.type != dom0::XCS_REQUEST && frame.type != dom0::XCS_RESPONSE && frame.type != dom0::XCS_VIRQ;
}

std::string cursor_key(const Pattern& pattern) {
  return std::visit(
      Visit{[](const Shows& each) { return "bytes at " + spelled(each.place); },
            [](const BytesAt& each) { return "bytes at " + spelled(each.place); },
            [](const Receives& each) { return spelled(each.who); },
            [](const ReceivesReply& each) { return "replies to " + spelled(each.client); },
            [](const ReceivesVirq& each) { return spelled(each.client); },
            [](const IsCutOff& each) { return "end of " + spelled(each.who); },
            [](const Sends& each) { return spelled(each.who); },
            [](const Forwards& each) { return spelled(each.who); },
            [](const ForwardsCount& each) { return spelled(each.who); },
            [](const EventRaised& each) { return spelled(each.from); },
            [](const TakesEvent& each) { return spelled(each.who); },
            [](const SlotWritten& each) { return spelled(each.who); },
            [](const IndexMoved& each) { return spelled(each.who); },
            [](const Refuses& each) { return spelled(each.who); },
            [](const Says& each) { return spelled(each.who); },
            [](const QuirkBites& each) { return fmt::format("quirk {}", about(each.quirk).name); },
            [](const RingState& each) { return ring_key(each.ring); },
            [](const CounterState& each) { return counter_key(each.actor, each.counter, each.of); },
            [](const CounterChanges& each) { return counter_key(each.actor, each.counter, each.of); }},
      pattern.what);
}

PatternSearch::PatternSearch(const Pattern& pattern, Cursor from, How how)
    : pattern_(pattern), matcher_(pattern), how_(how), from_(from), cursor_(from) {
  if (const auto* shows = std::get_if<Shows>(&pattern.what)) payload_matcher_.emplace(shows->payload);
  const bool whole = from.mark.part == whole_step || from.mark.step == 0;
  looked_ = whole ? from.mark.step : from.mark.step - 1;
  begin_ = free_ = from.count;
  if (how.ignores == nullptr) return;
  for (const Pattern& each : *how.ignores) ignore(each);
}

void PatternSearch::ignore(const Pattern& each) {
  const auto* shows = std::get_if<Shows>(&pattern_.what);
  const auto* passed_over = std::get_if<Shows>(&each.what);
  if (shows != nullptr && passed_over != nullptr && same_place(passed_over->place, shows->place))
    ignored_bytes_.emplace_back(passed_over->payload);
  if (!Matcher::by_entry(each)) return;
  ignores_.emplace_back(each);
  strict_ |= each.what.index() == pattern_.what.index() && cursor_key(each) == cursor_key(pattern_);
}

Verdict PatternSearch::look(const Observed& observed, const Claims& claims) {
  if (Matcher::by_taking(pattern_)) return look_at_taken(observed, claims);
  if (Matcher::by_entry(pattern_)) return look_at_entries(observed, claims);
  if (const auto* shows = std::get_if<Shows>(&pattern_.what)) return look_at_bytes(observed, *shows, claims);
  if (const auto* any = std::get_if<BytesAt>(&pattern_.what)) {
    cursor_.count = bytes_at(observed, any->place).size();
    if (cursor_.count <= from_.count) return Verdict::open;
    decided_ = observed.state.last_step();
    return Verdict::met;
  }
  if (const auto* count = std::get_if<ForwardsCount>(&pattern_.what))
    return look_at_count(observed, *count, claims);
  if (const auto* state = std::get_if<RingState>(&pattern_.what)) return look_at_ring(observed, *state);
  if (const auto* reply = std::get_if<ReceivesReply>(&pattern_.what))
    return look_at_replies(observed, *reply, claims);
  if (const auto* end = std::get_if<IsCutOff>(&pattern_.what)) return look_at_end(observed, *end);
  return look_at_counter(observed);
}

void PatternSearch::claim(Claims& claims) const {
  if (Matcher::by_taking(pattern_) || Matcher::by_entry(pattern_)) claims.marks.push_back(cursor_.mark);
  for (const Frame& each : frames_) {
    if (each.counted) claims.marks.push_back({each.step, whole_step});
  }
  if (std::holds_alternative<Shows>(pattern_.what)) {
    Claims::Ranges& ranges = claims.bytes[cursor_key(pattern_)];
    const std::pair<std::size_t, std::size_t> matched{begin_, cursor_.count};
    ranges.insert(std::ranges::upper_bound(ranges, matched), matched);
  }
  if (std::holds_alternative<ReceivesReply>(pattern_.what)) {
    const std::size_t count = lane_ == Lane::control ? cursor_.count : cursor_.data_count;
    claims.replies.emplace(cursor_key(pattern_), lane_, count - 1);
  }
}

// -- entries

bool PatternSearch::ignored(const Observed& observed, Step step) const {
  return std::ranges::any_of(
      ignores_, [&](const Matcher& each) { return each.matches(observed.state, step, observed.actor_map); });
}

Verdict PatternSearch::look_at_entries(const Observed& observed, const Claims& claims) {
  const State& state = observed.state;
  while (looked_ < state.steps()) {
    const Mark mark{++looked_, whole_step};
    if (mark <= from_.mark || !matcher_.same_sort(state, looked_, observed.actor_map)) continue;
    if (ignored(observed, looked_) || std::ranges::find(claims.marks, mark) != claims.marks.end()) continue;
    if (matcher_.matches(state, looked_, observed.actor_map)) {
      cursor_.mark = mark;
      decided_ = looked_;
      return Verdict::met;
    }
    if (!strict_ || how_.patient || how_.anywhere) continue;
    decided_ = looked_;
    return Verdict::never;
  }
  return Verdict::open;
}

Verdict PatternSearch::look_at_taken(const Observed& observed, const Claims& claims) {
  const auto& all = observed.state.taken();
  for (; parts_ < all.size(); ++parts_) {
    const State::Taken& each = all[parts_];
    const Mark behind{each.mark.step, each.mark.part + 1};
    if (each.mark < from_.mark || std::ranges::find(claims.marks, behind) != claims.marks.end()) continue;
    if (!matcher_.matches(each, observed.state, observed.actor_map)) continue;
    cursor_.mark = behind;
    decided_ = each.mark.step;
    return Verdict::met;
  }
  return Verdict::open;
}

/// A message counts when it was taken from the ring and a frame with it was sent. A ring is read in batches,
/// and the frames of a batch come before the entry that says how much was read: so whole batches are judged.
Verdict PatternSearch::look_at_count(const Observed& observed, const ForwardsCount& count,
                                     const Claims& claims) {
  gather(observed, count, claims);
  count_forwarded(observed.state);
  if (real_ == count.real && stale_ == count.stale) return Verdict::met;
  const bool too_many = real_ > count.real || stale_ > count.stale;
  return too_many && !how_.anywhere ? Verdict::never : Verdict::open;
}

void PatternSearch::gather(const Observed& observed, const ForwardsCount& count, const Claims& claims) {
  const auto concerns = [&](trace::Actor by, std::uint32_t domain) {
    return observed.actor_map.is(count.who, by) && (!count.from || count.from->domain == domain);
  };
  while (looked_ < observed.state.steps()) {
    const Mark mark{++looked_, whole_step};
    const trace::Entry& entry = observed.state.at(looked_);
    const bool request = entry.kind == trace::Kind::frame_passed && entry.detail == dom0::XCS_REQUEST;
    if (!request || mark <= from_.mark || !concerns(entry.actor, entry.domain)) continue;
    if (count.to && !observed.actor_map.is(*count.to, entry.peer)) continue;
    if (std::ranges::find(claims.marks, mark) == claims.marks.end()) frames_.push_back({looked_});
  }
  const auto& all = observed.state.taken();
  for (; parts_ < all.size(); ++parts_) {
    const State::Taken& each = all[parts_];
    if (each.use != SlotUse::request || !concerns(each.by, each.domain)) continue;
    auto& [before, last] = batches_[each.domain];
    if (each.mark.step != last) before = std::exchange(last, each.mark.step);
    if (each.mark >= from_.mark) messages_.push_back({parts_, before});
  }
}

void PatternSearch::count_forwarded(const State& state) {
  static constexpr ring::ControlMessage nothing{};
  for (Message& each : messages_) {
    if (each.counted) continue;
    const State::Taken& taken = state.taken()[each.taken];
    const ring::ControlMessage& message = taken.written == 0 ? nothing : state.at(taken.written).message;
    const auto frame = std::ranges::find_if(frames_, [&](const Frame& frame) {
      const trace::Entry& passed = state.at(frame.step);
      return !frame.counted && frame.step > each.since && passed.domain == taken.domain &&
             same_message(passed.message, message);
    });
    if (frame == frames_.end()) continue;
    frame->counted = each.counted = true;
    ++(taken.fresh ? real_ : stale_);
    decided_ = std::max(frame->step, taken.mark.step);
    cursor_.mark = std::max(cursor_.mark, Mark{decided_, whole_step});
  }
}

// -- bytes

/// The position at which the wanted bytes must begin: line ends that are not wanted, and bytes that an
/// `ignore` line names, are skipped.
std::size_t PatternSearch::skipped(std::string_view stream, std::size_t at, const Payload& wanted) const {
  const bool wants_line_end = wanted.size() == 0 || is_line_end(wanted.unit.front());
  for (bool again = true; again && at < stream.size();) {
    again = !wants_line_end && is_line_end(stream[at]);
    if (again) ++at;
    for (const PayloadMatcher& each : ignored_bytes_) {
      const std::size_t bytes = each.leads(stream.substr(at));
      at += bytes;
      again |= bytes != 0;
    }
  }
  return at;
}

Verdict PatternSearch::look_at_bytes(const Observed& observed, const Shows& shows, const Claims& claims) {
  const std::string_view stream = bytes_at(observed, shows.place);
  decided_ = observed.state.last_step();
  const Payload& wanted = shows.payload;
  if (const auto claimed = claims.bytes.find(cursor_key(pattern_)); claimed != claims.bytes.end()) {
    std::size_t from = from_.count;
    for (const auto& [begin, end] : claimed->second) {
      if (is_between(stream, shows, from, begin)) return Verdict::met;
      from = std::max(from, end);
    }
    if (std::exchange(free_, from) != from) {
      begin_ = from;
      agrees_ = 0;
    }
  }
  if (how_.anywhere || wanted.kind == Payload::Kind::regex) return search(stream);
  if (agrees_ == 0) begin_ = skipped(stream, free_, wanted);
  const std::size_t size = wanted.kind == Payload::Kind::prefix ? wanted.unit.size() : wanted.size();
  while (agrees_ < size && begin_ + agrees_ < stream.size()) {
    const char byte = wanted.unit[agrees_ % wanted.unit.size()];
    if (stream[begin_ + agrees_] != byte) {
      if (!how_.patient) return Verdict::never;
      agrees_ = 0;
      return Verdict::open;
    }
    ++agrees_;
  }
  if (agrees_ < size) return Verdict::open;
  cursor_.count = begin_ + size;
  return Verdict::met;
}

/// Whether the payload is in the bytes from `from` to `to`, which are between claimed ones: exactly there, or
/// where a pattern finds it.
bool PatternSearch::is_between(std::string_view stream, const Shows& shows, std::size_t from,
                               std::size_t to) {
  if (from >= to || to > stream.size()) return false;
  const std::string_view part = stream.substr(0, to);
  const bool searches = how_.anywhere || shows.payload.kind == Payload::Kind::regex;
  const std::size_t begin = searches ? from : skipped(part, from, shows.payload);
  const auto found = payload_matcher_->search(part.substr(begin));
  if (!found || (!searches && found->begin != 0)) return false;
  begin_ = begin + found->begin;
  cursor_.count = begin + found->end;
  return true;
}

/// Searches from `free_` on; "^" matches there. Bytes that an earlier call searched are searched again only
/// as far back as a match may begin.
Verdict PatternSearch::search(std::string_view stream) {
  if (stream.size() == agrees_) return Verdict::open;
  agrees_ = stream.size();
  const std::string_view rest = stream.substr(std::min(free_, stream.size()));
  if (const auto found = payload_matcher_->search(rest, begin_ - free_)) {
    begin_ = free_ + found->begin;
    cursor_.count = free_ + found->end;
    return Verdict::met;
  }
  begin_ = std::max(begin_, stream.size() - std::min(stream.size(), payload_matcher_->reach_bytes()));
  return Verdict::open;
}

Verdict PatternSearch::look_at_replies(const Observed& observed, const ReceivesReply& reply,
                                       const Claims& claims) {
  for (const Lane lane : {Lane::control, Lane::data}) {
    std::size_t& count = lane == Lane::control ? cursor_.count : cursor_.data_count;
    auto frames = observed.stage.client_received(reply.client.name, lane);
    if (!frames) return Verdict::open;
    const std::vector<dom0::XcsMessage>& all = *frames;
    for (std::size_t at = count; at < all.size(); ++at) {
      if (!is_reply(all[at]) || all[at].result != reply.result) continue;
      if (claims.replies.contains({cursor_key(pattern_), lane, at})) continue;
      count = at + 1;
      lane_ = lane;
      decided_ = observed.state.last_step();
      return Verdict::met;
    }
  }
  return Verdict::open;
}

Verdict PatternSearch::look_at_end(const Observed& observed, const IsCutOff& end) {
  const auto lane_cut = [&](Side side, Lane lane) {
    return end.side.value_or(side) == side && observed.stage.client_cut_off(end.who.name, lane);
  };
  const bool cut = end.who.role == Role::user
                       ? observed.stage.user_cut_off(end.who.name)
                       : lane_cut(Side::control, Lane::control) || lane_cut(Side::data, Lane::data);
  decided_ = cut ? observed.state.last_step() : 0;
  return cut ? Verdict::met : Verdict::open;
}

// -- states

Verdict PatternSearch::look_at_ring(const Observed& observed, const RingState& state) {
  const auto& points = observed.state.ring(state.ring.domain, state.ring.ring);
  if (!started_) {
    // States of an earlier domain's page with the same id do not count.
    const Step since = std::max(from_.mark.step, observed.state.page_since(state.ring.domain));
    const auto after = std::ranges::upper_bound(points, since, {}, &State::RingPoint::step);
    parts_ = static_cast<std::size_t>(std::max<std::ptrdiff_t>(after - points.begin() - 1, 0));
    started_ = true;
  }
  for (; parts_ < points.size(); ++parts_) {
    if (!all_hold(state, points[parts_])) continue;
    cursor_.mark = {std::max(points[parts_].step, from_.mark.step), 0};
    decided_ = points[parts_].step;
    return Verdict::met;
  }
  return Verdict::open;
}

Verdict PatternSearch::look_at_counter(const Observed& observed) {
  const auto* state = std::get_if<CounterState>(&pattern_.what);
  const auto* changes = std::get_if<CounterChanges>(&pattern_.what);
  const Actor& actor = state != nullptr ? state->actor : changes->actor;
  const std::string_view counter = state != nullptr ? state->counter : changes->counter;
  const std::optional<Actor>& of = state != nullptr ? state->of : changes->of;
  const auto holds_here = [&] {
    return state != nullptr && holds(static_cast<std::uint64_t>(std::max<std::int64_t>(value_, 0)),
                                     state->compare, state->number);
  };
  const auto& tallies = observed.state.tallies();
  const auto& all = observed.state.changes();
  while (counted_.size() < tallies.size())
    counted_.push_back(counts_for(tallies[counted_.size()], actor, counter, of, observed.actor_map));
  if (!started_) {
    for (; parts_ < all.size() && all[parts_].step <= from_.mark.step; ++parts_) {
      if (counted_[all[parts_].tally]) value_ += all[parts_].by;
    }
    started_ = true;
    if (holds_here()) return Verdict::met;
  }
  for (; parts_ < all.size(); ++parts_) {
    if (!counted_[all[parts_].tally]) continue;
    value_ += all[parts_].by;
    if (changes == nullptr && !holds_here()) continue;
    decided_ = all[parts_].step;
    cursor_.mark = {all[parts_].step, whole_step};
    ++parts_;
    return Verdict::met;
  }
  return Verdict::open;
}

bool PatternSearch::holds_now(const Observed& observed) const {
  if (const auto* ring = std::get_if<RingState>(&pattern_.what))
    return all_hold(*ring, observed.state.ring(ring->ring.domain, ring->ring.ring).back());
  const auto* state = std::get_if<CounterState>(&pattern_.what);
  return state != nullptr && holds(counter_at(observed.state, observed.state.steps(), state->actor,
                                              state->counter, state->of, observed.actor_map),
                                   state->compare, state->number);
}

}  // namespace ringside::script
