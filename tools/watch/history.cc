// Stretches of entries, and the state at any of their steps.
#include "tools/watch/history.h"

#include <algorithm>

namespace ringside::tools {

using trace::Entry;
using trace::Kind;
using trace::Role;

namespace {

/// What Xen's facts make of a domain.
constexpr std::pair<trace::Fact, std::string_view> lives[] = {
    {trace::Fact::created, "paused"},      {trace::Fact::paused, "paused"},
    {trace::Fact::unpaused, "running"},    {trace::Fact::resumed, "running"},
    {trace::Fact::shut_down, "shut down"}, {trace::Fact::crashed, "crashed"},
    {trace::Fact::destroyed, "gone"},      {trace::Fact::connection_closed, "crashed"}};

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
  if (entry.kind == Kind::told && entry.actor.role == Role::xen) {
    const auto* its =
        std::ranges::find(lives, fact_of(entry), &std::pair<trace::Fact, std::string_view>::first);
    if (its != std::end(lives)) life = its->second;
  }
}

WatchHistory::WatchHistory(std::uint32_t domain, std::string life) : domain_(domain), stretches_(1) {
  now_.life = stretches_.front().before.life = std::move(life);
}

void WatchHistory::begin(const trace::JournalHeader& header) {
  now_.replay.begin(header);
  stretches_.front().before.replay.begin(header);
}

void WatchHistory::take(const Entry& entry) {
  // An entry without a domain is about dom0 itself.
  if (entry.domain != domain_ && entry.domain != 0) return;
  if (now_.step == 0) origin_ns_ = entry.time_ns;
  keep(entry);
  now_.take(entry, domain_);
}

void WatchHistory::keep(const Entry& entry) {
  // No entries are kept after a gap.
  if (last_kept() != now_.step) return;
  if (stretches_.back().entries.size() == watch_stretch_entries) {
    if (paused() && stretches_.size() == watch_stretches_paused) return;
    stretches_.push_back({now_, {}});
    while (!paused() && stretches_.size() > watch_stretches) stretches_.pop_front();
  }
  stretches_.back().entries.push_back(entry);
}

const WatchHistory::Stretch& WatchHistory::stretch_of(std::uint64_t step) const {
  auto found = stretches_.rbegin();
  while (std::next(found) != stretches_.rend() && found->before.step >= step) ++found;
  return *found;
}

const Entry* WatchHistory::entry(std::uint64_t step) const {
  if (step < first_kept() || step > last_kept()) return nullptr;
  const Stretch& stretch = stretch_of(step);
  return &stretch.entries[step - stretch.before.step - 1];
}

void WatchHistory::pause() {
  if (!paused()) shown_ = now_;
}

void WatchHistory::go_on() {
  shown_.reset();
  if (last_kept() == now_.step) return;
  stretches_.clear();
  stretches_.push_back({now_, {}});
}

void WatchHistory::go(std::uint64_t step) {
  pause();
  step = std::clamp(step, std::min(first_kept(), last_kept()), last_kept());
  const Stretch& stretch = stretch_of(step);
  const bool ahead = step >= shown_->step && shown_->step >= stretch.before.step;
  if (!ahead) shown_ = stretch.before;
  while (shown_->step < step) shown_->take(*entry(shown_->step + 1), domain_);
}

}  // namespace ringside::tools
