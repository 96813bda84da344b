// The common part of the axioms of all models: every way in which the loads of a tiny program may read from
// its stores, generated without executing anything. Each model keeps the ways that it does not forbid.
//
// Words are accessed whole, or in halves. If a program accesses halves, each half has its own stores and its
// own order of them, and an access to both halves is one access to each.
#pragma once

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <vector>

#include "test/tiny_program.h"

namespace ringside::check::test {

inline constexpr std::uint32_t halves_max = 2;

struct TinyEvent {
  std::size_t thread = 0;
  std::uint32_t word = 0;
  std::uint32_t halves = 0;  ///< one bit each; none for a fence
  std::uint32_t value = 0;
  bool reads = false;
  bool writes = false;
  bool compares = false;
  bool fails = false;
  std::uint32_t expected = 0;

  [[nodiscard]] bool has(std::uint32_t half) const { return (halves >> half & 1) != 0; }
  [[nodiscard]] bool is_wide() const { return halves == 3; }
};

/// For each event, the events after it, one bit each.
using Relation = std::vector<std::uint32_t>;

inline void add(Relation& before, std::size_t first, std::size_t second) {
  before[first] |= 1u << second;
}
inline bool has(const Relation& before, std::size_t first, std::size_t second) {
  return (before[first] >> second & 1) != 0;
}
/// Closes the relation transitively. False if it has a cycle.
inline bool close(Relation& before) {
  for (std::size_t middle = 0; middle < before.size(); ++middle) {
    for (auto& each : before) {
      if ((each >> middle & 1) != 0) each |= before[middle];
    }
  }
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (has(before, i, i)) return false;
  }
  return true;
}

/// `Event` derives from TinyEvent.
template <class Event>
class TinyAxioms {
 public:
  explicit TinyAxioms(std::vector<Thread> threads) : threads_(std::move(threads)) {
    for (const Thread& thread : threads_) {
      if (std::any_of(thread.begin(), thread.end(), [](const Instruction& i) { return i.bytes == 2; }))
        halves_ = halves_max;
    }
  }
  virtual ~TinyAxioms() = default;
  TinyAxioms(const TinyAxioms&) = delete;
  TinyAxioms& operator=(const TinyAxioms&) = delete;

  [[nodiscard]] const std::set<std::string>& endings() const { return endings_; }

 protected:
  static constexpr int initial = -1;
  /// For each half, the event from which a load reads.
  using Sources = std::array<int, halves_max>;
  /// For each half, the place of a store among its stores, from 1.
  using Places = std::array<std::size_t, halves_max>;

  /// Adds the events of one instruction to events(). `fails`: it compares and does not store.
  virtual void add_events(const Event& event, const Instruction& instruction) = 0;
  /// Called when each load has its sources.
  virtual void judge() = 0;

  void judge_all() {
    std::uint32_t comparing = 0;
    for (const Thread& thread : threads_)
      comparing += static_cast<std::uint32_t>(
          std::count_if(thread.begin(), thread.end(), [](const Instruction& i) { return i.compares; }));
    for (std::uint32_t failing = 0; failing < 1u << comparing; ++failing) {
      make_events(failing);
      sources_.assign(events_.size(), {initial, initial});
      choose_sources(0, 0);
    }
  }

  [[nodiscard]] const std::vector<Event>& events() const { return events_; }
  [[nodiscard]] std::vector<Event>& events() { return events_; }
  [[nodiscard]] std::uint32_t halves() const { return halves_; }
  [[nodiscard]] int source(std::size_t load, std::uint32_t half) const { return sources_[load][half]; }
  [[nodiscard]] bool reads_from(std::size_t load, std::size_t store) const {
    const auto is_it = [&](int source) { return source == static_cast<int>(store); };
    return events_[load].reads && std::any_of(sources_[load].begin(), sources_[load].end(), is_it);
  }
  [[nodiscard]] std::vector<std::size_t> stores_to(std::uint32_t word, std::uint32_t half) const {
    std::vector<std::size_t> stores;
    for (std::size_t i = 0; i < events_.size(); ++i) {
      if (events_[i].writes && events_[i].word == word && events_[i].has(half)) stores.push_back(i);
    }
    return stores;
  }
  /// The value read from a word whose halves come from these sources.
  [[nodiscard]] std::uint32_t value_of(const Sources& from, std::uint32_t halves) const {
    if (halves_ == 1) return from[0] == initial ? 0 : events_[static_cast<std::size_t>(from[0])].value;
    std::uint32_t value = 0;
    for (std::uint32_t half = 0; half < halves_max; ++half) {
      if ((halves >> half & 1) == 0 || from[half] == initial) continue;
      const Event& store = events_[static_cast<std::size_t>(from[half])];
      const std::uint32_t part = (store.is_wide() ? store.value >> 16 * half : store.value) & 0xffff;
      value |= halves == 3 ? part << 16 * half : part;
    }
    return value;
  }
  /// Two stores to both halves come in one order; a load of both that reads one half from such a store reads
  /// the other one from it, too, or from a later one. `places`: of each event.
  [[nodiscard]] bool are_whole(std::uint32_t word, const std::vector<Places>& places) const {
    const auto is_wide = [&](std::size_t i) { return events_[i].word == word && events_[i].is_wide(); };
    for (std::size_t store = 0; store < events_.size(); ++store) {
      if (!is_wide(store) || !events_[store].writes) continue;
      for (std::size_t i = 0; i < events_.size(); ++i) {
        if (!is_wide(i)) continue;
        const bool differs = (places[i][0] < places[store][0]) != (places[i][1] < places[store][1]);
        if (events_[i].writes && differs) return false;
        for (std::uint32_t half = 0; half < halves_max; ++half) {
          if (events_[i].reads && source(i, half) == static_cast<int>(store) &&
              place(i, 1 - half, places) < places[store][1 - half])
            return false;
        }
      }
    }
    return true;
  }
  /// The place of a load's source among the stores of this half.
  [[nodiscard]] std::size_t place(std::size_t load, std::uint32_t half,
                                  const std::vector<Places>& places) const {
    const int from = sources_[load][half];
    return from == initial ? 0 : places[static_cast<std::size_t>(from)][half];
  }
  /// "0 1|1 0": the values that each thread has read.
  [[nodiscard]] std::string text_of_loads() const {
    std::string text;
    for (std::size_t thread = 0; thread < threads_.size(); ++thread) {
      std::string line;
      for (std::size_t i = 0; i < events_.size(); ++i) {
        if (events_[i].thread == thread && events_[i].reads)
          line += (line.empty() ? "" : " ") + std::to_string(value_of(sources_[i], events_[i].halves));
      }
      text += (thread == 0 ? "" : "|") + line;
    }
    return text;
  }
  void keep(const std::string& ending) { endings_.insert(ending); }

 private:
  void make_events(std::uint32_t failing) {
    events_.clear();
    for (std::size_t thread = 0; thread < threads_.size(); ++thread) {
      for (const Instruction& i : threads_[thread]) {
        Event event;
        event.thread = thread;
        event.word = i.word;
        event.value = i.value;
        event.compares = i.compares;
        event.fails = i.compares && (failing & 1) != 0;
        event.expected = i.expected;
        if (i.compares) failing >>= 1;
        if (i.kind != OpKind::fence) event.halves = halves_ == 1 ? 1 : i.bytes == 4 ? 3 : i.at == 0 ? 1 : 2;
        event.reads = i.kind == OpKind::load || i.kind == OpKind::update;
        event.writes = i.kind == OpKind::store || (i.kind == OpKind::update && !event.fails);
        add_events(event, i);
      }
    }
  }

  void choose_sources(std::size_t at, std::uint32_t half) {
    if (at == events_.size()) return judge();
    const Event& event = events_[at];
    if (!event.reads || half == halves_) {
      const bool differs = value_of(sources_[at], event.halves) != event.expected;
      if (!event.reads || !event.compares || differs == event.fails) choose_sources(at + 1, 0);
      return;
    }
    if (!event.has(half)) return choose_sources(at, half + 1);
    for (int source = initial; source < static_cast<int>(events_.size()); ++source) {
      if (source == static_cast<int>(at)) continue;
      if (source != initial) {
        const Event& from = events_[static_cast<std::size_t>(source)];
        if (!from.writes || from.word != event.word || !from.has(half)) continue;
      }
      sources_[at][half] = source;
      choose_sources(at, half + 1);
    }
    sources_[at][half] = initial;
  }

  std::vector<Thread> threads_;
  std::uint32_t halves_ = 1;
  std::vector<Event> events_;
  std::vector<Sources> sources_;
  std::set<std::string> endings_;
};

}  // namespace ringside::check::test
