// The outcomes that C11 allows for a tiny program, by its axioms. Every combination of reads-from, of the
// order of stores to a word and of the order of full barriers is generated, and kept if no axiom forbids it.
// This code executes nothing, and uses no part of the checker but its instructions.
//
// The axioms are those of ringside: RC11 without load buffering (Lahav, Vafeiadis, Kang, Hur and Dreyer, PLDI
// 2017), where a sequentially consistent access is a full barrier followed by an acquiring or releasing
// access, and each full barrier happens before the later ones. The language has no accesses to a part of an
// atomic variable. Here they behave as on processors: a thread that knows a store in one half of the word, by
// an acquire, knows it in both halves; and a load of both halves finds in one half no value that is older
// than the knowledge with which the store in the other half was released.
#pragma once

#include <algorithm>

#include "test/tiny_axioms.h"

namespace ringside::check::test {

struct C11Event : TinyEvent {
  Order order = Order::relaxed;
  bool is_fence = false;
  bool is_seq_cst = false;
};

class Axioms final : public TinyAxioms<C11Event> {
 public:
  explicit Axioms(std::vector<Thread> threads) : TinyAxioms(std::move(threads)) { judge_all(); }

 private:
  void add_events(const C11Event& made, const Instruction& instruction) override {
    C11Event event = made;
    event.order = event.fails ? instruction.failure : instruction.order;
    event.is_fence = instruction.kind == OpKind::fence;
    if (event.order == Order::seq_cst && !event.is_fence) {
      C11Event barrier;
      barrier.thread = event.thread;
      barrier.order = Order::seq_cst;
      barrier.is_fence = true;
      events().push_back(barrier);
      event.is_seq_cst = true;
      event.order = Order::acq_rel;
    }
    events().push_back(event);
  }

  void judge() override {
    barriers_.clear();
    for (std::size_t i = 0; i < events().size(); ++i) {
      if (events()[i].is_fence && events()[i].order == Order::seq_cst) barriers_.push_back(i);
    }
    do {
      synchronize();
      for (std::size_t i = 1; i < barriers_.size(); ++i) add(happens_, barriers_[i - 1], barriers_[i]);
      Relation all = happens_;
      // An access takes place at its barrier.
      for (std::size_t i = 1; i < barriers_.size(); ++i) {
        const std::size_t access = barriers_[i - 1] + 1;
        if (access < events().size() && events()[access].is_seq_cst) add(all, access, barriers_[i]);
      }
      for (std::size_t load = 0; load < events().size(); ++load) {
        for (std::size_t store = 0; store < events().size(); ++store) {
          if (reads_from(load, store)) add(all, store, load);
        }
      }
      if (close(all) && close(happens_)) choose_stores();
    } while (std::next_permutation(barriers_.begin(), barriers_.end()));
  }

  [[nodiscard]] bool same_thread(std::size_t i, std::size_t j) const {
    return events()[i].thread == events()[j].thread;
  }

  /// Program order, and releases with the acquires that read from them.
  void synchronize() {
    const std::size_t count = events().size();
    happens_.assign(count, 0);
    known_at_.assign(count, 0);
    read_with_.assign(count, 0);
    for (std::size_t i = 1; i < count; ++i) {
      if (same_thread(i, i - 1)) add(happens_, i - 1, i);
    }
    for (std::size_t load = 0; load < count; ++load) {
      if (!events()[load].reads) continue;
      if (events()[load].is_wide()) {
        for (std::uint32_t half = 0; half < halves(); ++half) {
          each_release(source(load, half), 0, [&](std::size_t from, bool) { add(read_with_, load, from); });
        }
      }
      std::size_t to = load;
      if (!acquires(events()[load].order)) {
        while (++to < count && same_thread(to, load)) {
          if (events()[to].is_fence && acquires(events()[to].order)) break;
        }
        if (to == count || !same_thread(to, load)) continue;
      }
      for (std::uint32_t half = 0; half < halves(); ++half) {
        each_release(source(load, half), 0, [&](std::size_t from, bool is_released) {
          add(is_released ? happens_ : known_at_, from, to);
        });
      }
    }
  }
  /// Calls each(event, whether it is a release) for each event that synchronizes with a read from `source`:
  /// the store, the releases before it, and, if the store is an update's, the same for the store that it
  /// replaced.
  template <class Each>
  void each_release(int source, std::size_t length, Each each) const {
    // A cycle of updates that replace each other is forbidden later.
    if (source == initial || length == events().size()) return;
    const auto store = static_cast<std::size_t>(source);
    each(store, false);
    if (releases(events()[store].order)) each(store, true);
    for (std::size_t i = store; i-- > 0 && same_thread(i, store);) {
      if (events()[i].is_fence && releases(events()[i].order)) each(i, true);
    }
    if (!events()[store].reads) return;
    for (std::uint32_t half = 0; half < halves(); ++half)
      each_release(this->source(store, half), length + 1, each);
  }

  void choose_stores() {
    std::vector<std::set<std::uint32_t>> last(TinyProgram::word_count);
    for (std::uint32_t word = 0; word < TinyProgram::word_count; ++word) {
      std::array<std::vector<std::size_t>, halves_max> stores;
      for (std::uint32_t half = 0; half < halves(); ++half) stores[half] = stores_to(word, half);
      do {
        do {
          std::vector<Places> places(events().size(), Places{});
          Sources newest = {initial, initial};
          for (std::uint32_t half = 0; half < halves(); ++half) {
            for (std::size_t i = 0; i < stores[half].size(); ++i) places[stores[half][i]][half] = i + 1;
            if (!stores[half].empty()) newest[half] = static_cast<int>(stores[half].back());
          }
          if (is_coherent(word, places)) last[word].insert(value_of(newest, halves() == 1 ? 1 : 3));
        } while (std::next_permutation(stores[1].begin(), stores[1].end()));
      } while (std::next_permutation(stores[0].begin(), stores[0].end()));
    }
    for (const std::uint32_t x : last[0]) {
      for (const std::uint32_t y : last[1]) {
        for (const std::uint32_t z : last[2]) keep(fmt::format("{}; {} {} {}", text_of_loads(), x, y, z));
      }
    }
  }

  [[nodiscard]] bool is_coherent(std::uint32_t word, const std::vector<Places>& places) const {
    if (!are_whole(word, places)) return false;
    for (std::size_t load = 0; load < events().size(); ++load) {
      if (events()[load].word == word && !reads_together(load, places)) return false;
    }
    for (std::uint32_t half = 0; half < halves(); ++half) {
      if (!is_coherent(word, half, places)) return false;
    }
    return true;
  }
  [[nodiscard]] bool reads_together(std::size_t load, const std::vector<Places>& places) const {
    for (std::size_t with = 0; with < events().size(); ++with) {
      if (!has(read_with_, load, with)) continue;
      for (std::size_t i = 0; i < events().size(); ++i) {
        const C11Event& event = events()[i];
        const bool is_release = releases(events()[with].order);
        const bool comes_with =
            i == with || (is_release && (has(happens_, i, with) || (event.writes && knows(i, with))));
        if (!comes_with || event.word != events()[load].word) continue;
        for (std::uint32_t half = 0; half < halves(); ++half) {
          if (!event.has(half)) continue;
          const std::size_t least = event.writes ? places[i][half] : place(i, half, places);
          if (place(load, half, places) < least) return false;
        }
      }
    }
    return true;
  }
  /// The initial value has place 0.
  [[nodiscard]] bool is_coherent(std::uint32_t word, std::uint32_t half,
                                 const std::vector<Places>& places) const {
    const auto touches = [&](std::size_t i) { return events()[i].word == word && events()[i].has(half); };
    const auto found = [&](std::size_t load) { return place(load, half, places); };
    const auto turn = [&](std::size_t i) {
      return std::find(barriers_.begin(), barriers_.end(), i - 1) - barriers_.begin();
    };
    for (std::size_t a = 0; a < events().size(); ++a) {
      if (!touches(a)) continue;
      const C11Event& first = events()[a];
      const std::size_t stored = places[a][half];
      if (first.reads && first.writes && found(a) + 1 != stored) return false;
      for (std::size_t b = 0; b < events().size(); ++b) {
        if (!touches(b) || a == b) continue;
        const C11Event& second = events()[b];
        const bool both_seq_cst = first.is_seq_cst && second.is_seq_cst && first.writes && second.writes;
        if (both_seq_cst && turn(a) < turn(b) && stored > places[b][half]) return false;
        const bool is_known = first.writes && knows(a, b);
        if (is_known && second.writes && stored > places[b][half]) return false;
        if (is_known && second.reads && found(b) < stored) return false;
        if (!has(happens_, a, b)) continue;
        if (first.reads && second.writes && found(a) >= places[b][half]) return false;
        if (first.reads && second.reads && found(a) > found(b)) return false;
      }
    }
    return true;
  }
  /// Whether `b` comes after the store, or after an event that acquired it.
  [[nodiscard]] bool knows(std::size_t store, std::size_t b) const {
    if (has(happens_, store, b)) return true;
    for (std::size_t at = 0; at < events().size(); ++at) {
      if (has(known_at_, store, at) && (at == b || has(happens_, at, b))) return true;
    }
    return false;
  }

  std::vector<std::size_t> barriers_;
  Relation happens_;
  Relation read_with_;  ///< for each load of both halves, what synchronizes with it
  Relation known_at_;   ///< for each store, the events that acquired it, whether released or not
};

}  // namespace ringside::check::test
