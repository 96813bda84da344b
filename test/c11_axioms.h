// What C11 allows a tiny program, by its axioms: every way in which the loads may read from the stores, the
// stores of a word follow each other and the full barriers follow each other is made up, and kept if no axiom
// forbids it. Nothing is executed and nothing of the checker is used but the instructions.
//
// As ringside has them: RC11 without load buffering (Lahav, Vafeiadis, Kang, Hur and Dreyer, PLDI 2017),
// where a sequentially consistent access is a full barrier and an acquiring or releasing access behind it,
// and each full barrier happens before those that follow it.
#pragma once

#include <algorithm>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "test/tiny_program.h"

namespace ringside::check::test {

class Axioms {
 public:
  explicit Axioms(std::vector<Thread> threads) : threads_(std::move(threads)) { choose_failures(); }

  [[nodiscard]] const std::set<std::string>& endings() const { return endings_; }

 private:
  static constexpr int initial = -1;

  struct Event {
    std::size_t thread = 0;
    std::uint32_t word = 0;
    std::uint32_t value = 0;
    Order order = Order::relaxed;
    bool reads = false;
    bool writes = false;
    bool is_fence = false;
    bool is_seq_cst = false;
    bool compares = false;
    bool fails = false;
    std::uint32_t expected = 0;
  };
  using Relation = std::vector<std::uint32_t>;  ///< of each event, which ones it comes before, a bit each

  /// Each update that compares stores or does not.
  void choose_failures() {
    std::uint32_t comparing = 0;
    for (const Thread& thread : threads_)
      comparing += static_cast<std::uint32_t>(
          std::count_if(thread.begin(), thread.end(), [](const Instruction& i) { return i.compares; }));
    for (std::uint32_t failing = 0; failing < 1u << comparing; ++failing) {
      make_events(failing);
      std::vector<int> sources(events_.size(), initial);
      choose_sources(0, sources);
    }
  }

  void make_events(std::uint32_t failing) {
    events_.clear();
    for (std::size_t thread = 0; thread < threads_.size(); ++thread) {
      for (const Instruction& i : threads_[thread]) {
        const bool fails = i.compares && (failing & 1) != 0;
        if (i.compares) failing >>= 1;
        Event event{thread, i.word, i.value, fails ? i.failure : i.order};
        event.is_fence = i.kind == OpKind::fence;
        event.reads = i.kind == OpKind::load || i.kind == OpKind::update;
        event.writes = i.kind == OpKind::store || (i.kind == OpKind::update && !fails);
        event.compares = i.compares;
        event.fails = fails;
        event.expected = i.expected;
        if (event.order == Order::seq_cst && !event.is_fence) {
          Event barrier{thread, 0, 0, Order::seq_cst};
          barrier.is_fence = true;
          events_.push_back(barrier);
          event.is_seq_cst = true;
          event.order = Order::acq_rel;
        }
        events_.push_back(event);
      }
    }
  }

  [[nodiscard]] std::uint32_t value_of(int source) const {
    return source == initial ? 0 : events_[static_cast<std::size_t>(source)].value;
  }

  void choose_sources(std::size_t at, std::vector<int>& sources) {
    if (at == events_.size()) return choose_barriers(sources);
    if (!events_[at].reads) return choose_sources(at + 1, sources);
    for (int source = initial; source < static_cast<int>(events_.size()); ++source) {
      if (source == static_cast<int>(at)) continue;
      if (source != initial) {
        const Event& from = events_[static_cast<std::size_t>(source)];
        if (!from.writes || from.word != events_[at].word) continue;
      }
      if (events_[at].compares && (value_of(source) != events_[at].expected) != events_[at].fails) continue;
      sources[at] = source;
      choose_sources(at + 1, sources);
    }
    sources[at] = initial;
  }

  /// False: it has a cycle.
  static bool close(Relation& before) {
    for (std::size_t middle = 0; middle < before.size(); ++middle) {
      for (auto& each : before) {
        if ((each >> middle & 1) != 0) each |= before[middle];
      }
    }
    for (std::size_t i = 0; i < before.size(); ++i) {
      if ((before[i] >> i & 1) != 0) return false;
    }
    return true;
  }
  static void add(Relation& before, std::size_t first, std::size_t second) { before[first] |= 1u << second; }

  void choose_barriers(const std::vector<int>& sources) {
    std::vector<std::size_t> barriers;
    for (std::size_t i = 0; i < events_.size(); ++i) {
      if (events_[i].is_fence && events_[i].order == Order::seq_cst) barriers.push_back(i);
    }
    do {
      Relation happens = synchronized(sources);
      for (std::size_t i = 1; i < barriers.size(); ++i) add(happens, barriers[i - 1], barriers[i]);
      Relation all = happens;
      // An access is made where its barrier is.
      for (std::size_t i = 1; i < barriers.size(); ++i) {
        const std::size_t access = barriers[i - 1] + 1;
        if (access < events_.size() && events_[access].is_seq_cst) add(all, access, barriers[i]);
      }
      for (std::size_t i = 0; i < events_.size(); ++i) {
        if (events_[i].reads && sources[i] != initial) add(all, static_cast<std::size_t>(sources[i]), i);
      }
      if (close(all) && close(happens)) choose_stores(sources, happens, barriers);
    } while (std::next_permutation(barriers.begin(), barriers.end()));
  }

  /// Program order, and releases with the acquires that read from them.
  [[nodiscard]] Relation synchronized(const std::vector<int>& sources) const {
    Relation before(events_.size(), 0);
    for (std::size_t i = 1; i < events_.size(); ++i) {
      if (events_[i].thread == events_[i - 1].thread) add(before, i - 1, i);
    }
    const auto is_release = [](Order order) { return releases(order); };
    for (std::size_t load = 0; load < events_.size(); ++load) {
      if (!events_[load].reads) continue;
      std::size_t to = load;
      const auto same_thread = [&](std::size_t i, std::size_t j) {
        return events_[i].thread == events_[j].thread;
      };
      if (!acquires(events_[load].order)) {
        while (++to < events_.size() && same_thread(to, load)) {
          if (events_[to].is_fence && acquires(events_[to].order)) break;
        }
        if (to == events_.size() || !same_thread(to, load)) continue;
      }
      // The store that is read, and if that is an update's the one that it replaced.
      int source = sources[load];
      // Updates that replace each other in a circle are forbidden later.
      for (std::size_t length = 0; source != initial && length < events_.size(); ++length) {
        const auto store = static_cast<std::size_t>(source);
        if (is_release(events_[store].order)) add(before, store, to);
        for (std::size_t i = store; i-- > 0 && same_thread(i, store);) {
          if (events_[i].is_fence && is_release(events_[i].order)) add(before, i, to);
        }
        source = events_[store].reads ? sources[store] : initial;
      }
    }
    return before;
  }

  void choose_stores(const std::vector<int>& sources, const Relation& happens,
                     const std::vector<std::size_t>& barriers) {
    std::vector<std::set<std::uint32_t>> last(TinyProgram::word_count);
    for (std::uint32_t word = 0; word < TinyProgram::word_count; ++word) {
      std::vector<std::size_t> stores;
      for (std::size_t i = 0; i < events_.size(); ++i) {
        if (events_[i].writes && events_[i].word == word) stores.push_back(i);
      }
      do {
        if (is_coherent(word, stores, sources, happens, barriers))
          last[word].insert(stores.empty() ? 0 : events_[stores.back()].value);
      } while (std::next_permutation(stores.begin(), stores.end()));
    }
    std::string text;
    for (std::size_t thread = 0; thread < threads_.size(); ++thread) {
      std::string line;
      for (std::size_t i = 0; i < events_.size(); ++i) {
        if (events_[i].thread == thread && events_[i].reads)
          line += (line.empty() ? "" : " ") + std::to_string(value_of(sources[i]));
      }
      text += (thread == 0 ? "" : "|") + line;
    }
    for (const std::uint32_t x : last[0]) {
      for (const std::uint32_t y : last[1]) {
        for (const std::uint32_t z : last[2])
          endings_.insert(text + "; " + std::to_string(x) + " " + std::to_string(y) + " " +
                          std::to_string(z));
      }
    }
  }

  [[nodiscard]] bool is_coherent(std::uint32_t word, const std::vector<std::size_t>& stores,
                                 const std::vector<int>& sources, const Relation& happens,
                                 const std::vector<std::size_t>& barriers) const {
    // Places in the order of stores; the value at the beginning has 0.
    std::vector<std::size_t> place(events_.size(), 0);
    for (std::size_t i = 0; i < stores.size(); ++i) place[stores[i]] = i + 1;
    const auto found = [&](std::size_t load) {
      return sources[load] == initial ? 0 : place[static_cast<std::size_t>(sources[load])];
    };
    const auto touches = [&](std::size_t i) { return !events_[i].is_fence && events_[i].word == word; };
    const auto turn = [&](std::size_t i) {
      return std::find(barriers.begin(), barriers.end(), i - 1) - barriers.begin();
    };
    for (std::size_t a = 0; a < events_.size(); ++a) {
      if (!touches(a)) continue;
      if (events_[a].reads && events_[a].writes && found(a) + 1 != place[a]) return false;
      for (std::size_t b = 0; b < events_.size(); ++b) {
        if (!touches(b) || a == b) continue;
        const bool both_seq_cst =
            events_[a].is_seq_cst && events_[b].is_seq_cst && events_[a].writes && events_[b].writes;
        if (both_seq_cst && turn(a) < turn(b) && place[a] > place[b]) return false;
        if ((happens[a] >> b & 1) == 0) continue;
        if (events_[a].writes && events_[b].writes && place[a] > place[b]) return false;
        if (events_[a].writes && events_[b].reads && found(b) < place[a]) return false;
        if (events_[a].reads && events_[b].writes && found(a) >= place[b]) return false;
        if (events_[a].reads && events_[b].reads && found(a) > found(b)) return false;
      }
    }
    return true;
  }

  std::vector<Thread> threads_;
  std::vector<Event> events_;
  std::set<std::string> endings_;
};

}  // namespace ringside::check::test
