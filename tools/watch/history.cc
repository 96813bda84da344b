// Keeps segments of entries, and computes the state at any kept step.
#include "tools/watch/history.h"

#include <algorithm>

#include "emu/trace/text.h"

namespace ringside::tools {

using trace::Entry;
using trace::Kind;
using trace::Role;

namespace {

/// The byte's place among the bytes of the step.
std::optional<std::size_t> place_in(const trace::FlowStep& step, std::uint64_t byte) {
  std::size_t before = 0;
  for (const trace::ByteRange& range : step.bytes) {
    if (byte >= range.first && byte - range.first < range.count) return before + (byte - range.first);
    before += range.count;
  }
  return std::nullopt;
}

}  // namespace

void WatchMoment::take(const Entry& entry, std::uint32_t domain) {
  replay.take(++step, entry);
  last = flow.take(step, entry);
  const trace::Arrow arrow = trace::arrow_of(entry, flow);
  // Xen's output on a serial line without input is not part of the path, and gets no lanes.
  const bool beside = arrow.from == trace::Lane::xen && arrow.to == trace::Lane::uart;
  if (arrow.from != arrow.to && !beside) {
    lanes.set(static_cast<std::size_t>(arrow.from));
    lanes.set(static_cast<std::size_t>(arrow.to));
  }
  if (entry.domain != domain || domain == 0) return;
  // dom0's daemon passes output to its console client; not every client reports that it passed it on.
  if (entry.kind == Kind::bytes_passed && entry.peer.role == Role::client &&
      (entry.actor.role == Role::xend || entry.actor.role == Role::xenctld)) {
    console.take(entry.message.payload());
    console_used = true;
  }
  // xenconsoled reports nothing. Its viewers see what the guest has written for it.
  if (entry.kind == Kind::bytes_written && trace::byte_ring_of(entry) == trace::ByteRing::out) {
    console.take(entry.message.payload());
    console_used = true;
  }
  if (const auto its = life_after(entry)) life = *its;
}

WatchHistory::WatchHistory(std::uint32_t domain, Life life) : domain_(domain), segments_(1) {
  now_.life = segments_.front().before.life = life;
}

void WatchHistory::begin(const trace::JournalHeader& header) {
  for (WatchMoment* moment : {&now_, &segments_.front().before}) {
    moment->replay.begin(header);
    moment->flow.begin(header);
  }
}

void WatchHistory::take(const Entry& entry) {
  // An entry without a domain is about dom0 itself.
  if (entry.domain != domain_ && entry.domain != 0) return;
  if (now_.step == 0) origin_ns_ = entry.time_ns;
  keep(entry);
  now_.take(entry, domain_);
  if (followed_ && last_kept() == now_.step && place_in(now_.last, *followed_))
    followed_steps_.insert(now_.step);
}

void WatchHistory::keep(const Entry& entry) {
  // No entries are kept after a gap.
  if (last_kept() != now_.step) return;
  if (segments_.back().entries.size() == watch_segment_entries) {
    if (paused() && segments_.size() == watch_segments_paused) return;
    segments_.push_back({now_, {}});
    while (!paused() && segments_.size() > watch_segments) segments_.pop_front();
  }
  segments_.back().entries.push_back(entry);
}

const WatchHistory::Segment& WatchHistory::segment_of(std::uint64_t step) const {
  auto found = segments_.rbegin();
  while (std::next(found) != segments_.rend() && found->before.step >= step) ++found;
  return *found;
}

const Entry* WatchHistory::entry(std::uint64_t step) const {
  if (step < first_kept() || step > last_kept()) return nullptr;
  const Segment& segment = segment_of(step);
  return &segment.entries[step - segment.before.step - 1];
}

bool WatchHistory::shows(std::uint64_t step) const {
  const Entry* its = entry(step);
  if (its == nullptr) return false;
  if (kinds_ != WatchKinds::all && kinds_of(*its) != kinds_) return false;
  return !followed_ || followed_steps_.contains(step);
}

std::uint64_t WatchHistory::next_shown(std::uint64_t step, bool back) const {
  std::uint64_t at = step;
  while (back ? at > first_kept() : at < last_kept()) {
    at = back ? at - 1 : at + 1;
    if (shows(at)) return at;
  }
  return step;
}

/// Finds the kept steps that passed the byte on, and the text of the byte. The entry of a moved index has no
/// text.
void WatchHistory::find_followed() {
  followed_steps_.clear();
  followed_text_ = "?";
  for (const Segment& segment : segments_) {
    trace::Flow flow = segment.before.flow;
    std::uint64_t step = segment.before.step;
    for (const Entry& each : segment.entries) {
      const std::optional<std::size_t> at = place_in(flow.take(++step, each), *followed_);
      if (!at) continue;
      followed_steps_.insert(step);
      const auto payload = each.message.payload();
      if (followed_text_ == "?" && *at < payload.size())
        followed_text_ = trace::quoted(payload.subspan(*at, 1));
    }
  }
}

std::uint64_t WatchHistory::last_with_bytes() const {
  std::uint64_t found = 0;
  for (const Segment& segment : segments_) {
    trace::Flow flow = segment.before.flow;
    std::uint64_t step = segment.before.step;
    for (const Entry& each : segment.entries) {
      if (++step > shown_->step) return found;
      if (!flow.take(step, each).bytes.empty()) found = step;
    }
  }
  return found;
}

bool WatchHistory::follow_byte() {
  pause();
  if (shown_->last.bytes.empty() || entry(shown_->step) == nullptr) {
    const std::uint64_t step = last_with_bytes();
    if (step == 0) return false;
    go(step);
  }
  // The bytes of the step, by their numbers, and which of them is next.
  std::vector<std::uint64_t> bytes;
  for (const trace::ByteRange& range : shown_->last.bytes) {
    for (std::uint64_t at = 0; at < range.count; ++at) bytes.push_back(range.first + at);
  }
  const auto before = followed_ ? std::ranges::find(bytes, *followed_) : bytes.end();
  const std::size_t at = before == bytes.end() || std::next(before) == bytes.end()
                             ? 0
                             : static_cast<std::size_t>(before - bytes.begin()) + 1;
  followed_ = bytes[at];
  find_followed();
  return true;
}

void WatchHistory::follow_none() {
  followed_.reset();
  followed_text_.clear();
  followed_steps_.clear();
}

void WatchHistory::pause() {
  if (!paused()) shown_ = now_;
}

void WatchHistory::go_on() {
  shown_.reset();
  if (last_kept() == now_.step) return;
  segments_.clear();
  segments_.push_back({now_, {}});
  followed_steps_.clear();
}

void WatchHistory::go(std::uint64_t step) {
  pause();
  step = std::clamp(step, std::min(first_kept(), last_kept()), last_kept());
  const Segment& segment = segment_of(step);
  const bool ahead = step >= shown_->step && shown_->step >= segment.before.step;
  if (!ahead) shown_ = segment.before;
  while (shown_->step < step) shown_->take(*entry(shown_->step + 1), domain_);
}

}  // namespace ringside::tools
