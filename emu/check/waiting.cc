// The reads of each fiber since it last stored or waited, and the changes of what it has read.
#include "emu/check/waiting.h"

#include <algorithm>
#include <cstddef>

namespace ringside::check {

namespace {

/// A choice whether a weak compare-exchange fails is a part of reading.
bool is_neutral(const Op& op) {
  return op.kind == OpKind::fence || (op.kind == OpKind::choose && op.is_spurious);
}

}  // namespace

void Waiting::begin(const Space& space, bool is_exact) {
  is_exact_ = is_exact;
  has_effects_ = false;
  if (!is_exact_) return;
  space_ = &space;
  changes_.resize(space.location_count());
  for (const std::uint16_t location : changed_) changes_[location] = 0;
  changed_.clear();
  for (Fiber& fiber : fibers_) {
    fiber.round.clear();
    fiber.last.clear();
    fiber.compares = Compares::no;
  }
}

void Waiting::announced(std::uint32_t number, const Op& op) {
  Fiber& fiber = fibers_[number];
  if (!is_exact_ || fiber.compares == Compares::no || is_neutral(op)) return;
  const auto& looks = fiber.last.looks;
  if (fiber.compares == Compares::head) {
    // Where the loop begins is not known: at the last place in the round that does the same.
    const auto head =
        std::find_if(looks.rbegin(), looks.rend(), [&](const Look& each) { return each.is_at(op); });
    has_effects_ = has_effects_ || head == looks.rend();
    fiber.at = static_cast<std::size_t>(looks.rend() - head) - (head == looks.rend() ? 0 : 1);
    fiber.compares = Compares::round;
    return;
  }
  const bool is_same = op.kind == OpKind::await ? fiber.at == looks.size()
                                                : fiber.at < looks.size() && looks[fiber.at].is_at(op);
  has_effects_ = has_effects_ || !is_same;
}

void Waiting::ended(std::uint32_t number) {
  has_effects_ = has_effects_ || (is_exact_ && fibers_[number].compares != Compares::no);
}

void Waiting::prepare(std::uint32_t number, Op& await) const {
  const Round& round = fibers_[number].round;
  await.watched_count = 0;
  if (!is_exact_ || round.is_too_long || round.seen.size() > await.watched.size()) return;
  for (const Seen& each : round.seen) await.watched[await.watched_count++] = each.location;
}

std::uint32_t Waiting::changes(std::uint32_t number, const Op& await) const {
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < await.watched_count; ++i) {
    const Seen& seen = fibers_[number].round.seen[i];
    count += seen.is_old ? 2 : changes_[seen.location] - seen.changes;
  }
  return std::min(count, 2u);
}

std::array<std::uint32_t, watched_max> Waiting::first_changes(std::uint32_t number, const Op& await) const {
  std::array<std::uint32_t, watched_max> steps;
  steps.fill(no_step);
  const auto& seen = fibers_[number].round.seen;
  for (std::size_t i = 0; i < await.watched_count; ++i) {
    if (seen[i].is_old) {
      steps.fill(no_step);
      return steps;
    }
    steps[i] = seen[i].first_change;
  }
  return steps;
}

std::uint64_t Waiting::value_of(const Op& op) const {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (std::uint32_t i = 0; i < op.size; ++i)
    hash = (hash ^ static_cast<std::uint64_t>(*space_->at(op.offset + i))) * 0x100000001b3u;
  return hash;
}

bool Waiting::finds_expected(const Op& op) const {
  for (std::uint32_t i = 0; i < op.size; ++i) {
    if (*space_->at(op.offset + i) != op.expected[i]) return false;
  }
  return true;
}

void Waiting::look(Fiber& fiber, const Op& op, std::uint32_t option, std::uint64_t value) {
  Round& round = fiber.round;
  if (round.looks.size() >= looks_max) round.is_too_long = true;
  if (round.is_too_long) return;
  round.looks.push_back({op.code, op.offset, op.first, op.last, value});
  for (std::uint16_t location = op.first; location < op.last; ++location) {
    auto its = std::ranges::find(round.seen, location, &Seen::location);
    if (its == round.seen.end()) its = round.seen.insert(its, Seen{location});
    its->changes = changes_[location];
    its->first_change = no_step;
    its->is_old = option != 0;
  }
}

void Waiting::changed(std::uint32_t step, std::uint32_t actor, const Op& op) {
  for (std::uint16_t location = op.first; location < op.last; ++location) {
    ++changes_[location];
    changed_.push_back(location);
    for (Fiber& fiber : fibers_) {
      for (Seen& each : fiber.round.seen) {
        if (each.location != location) continue;
        // A fiber does not wait for its own store, which its store buffer may flush later.
        if (&fiber == &fibers_[actor % fibers_max]) {
          ++each.changes;
        } else if (each.first_change == no_step) {
          each.first_change = step;
        }
      }
    }
  }
}

void Waiting::happens(std::uint32_t step, std::uint32_t actor, const Op& op, std::uint32_t option) {
  if (!is_exact_) return;
  if (op.kind == OpKind::flush) return changed(step, actor, op);
  if (is_neutral(op)) return;
  Fiber& fiber = fibers_[actor];
  if (op.kind == OpKind::await) {
    fiber.last = fiber.round;
    fiber.round.clear();
    // Without a place to wait for, the wait was for any store.
    fiber.compares = op.watched_count == 0 ? Compares::no : Compares::head;
    return;
  }
  const bool only_reads =
      op.kind == OpKind::load || (op.kind == OpKind::update && op.expected != nullptr && !finds_expected(op));
  if (!only_reads) fiber.round.clear();
  const std::uint64_t value = op.reads() ? value_of(op) : 0;
  if (op.reads() && fiber.compares == Compares::round) {
    const auto& looks = fiber.last.looks;
    // With another value it may do something else.
    if (fiber.at >= looks.size() || looks[fiber.at].value != value) fiber.compares = Compares::no;
    ++fiber.at;
  } else if (!op.reads()) {
    fiber.compares = Compares::no;
  }
  if (op.writes() && !only_reads) changed(step, actor, op);
  if (op.reads()) look(fiber, op, option, value);
}

}  // namespace ringside::check
