// What Armv8 allows a tiny program, by the axioms of its model (aarch64.cat, as in Pulte, Flur, Deacon,
// French, Sarkar and Sewell, POPL 2018, without dependencies): every way in which the loads may read from the
// stores and the stores of a word follow each other is made up, and kept if no axiom forbids it. Nothing is
// executed and nothing of the checker is used but the instructions.
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "test/tiny_program.h"

namespace ringside::check::test {

class Armv8Axioms {
 public:
  /// `buffers`: a load may read from a store that comes later, in what threads do and what they read.
  Armv8Axioms(std::vector<Thread> threads, bool buffers) : threads_(std::move(threads)), buffers_(buffers) {
    std::uint32_t comparing = 0;
    for (const Thread& thread : threads_)
      comparing += static_cast<std::uint32_t>(
          std::count_if(thread.begin(), thread.end(), [](const Instruction& i) { return i.compares; }));
    for (std::uint32_t failing = 0; failing < 1u << comparing; ++failing) {
      make_events(failing);
      sources_.assign(events_.size(), initial);
      choose_sources(0);
    }
  }

  [[nodiscard]] const std::set<std::string>& endings() const { return endings_; }

 private:
  static constexpr int initial = -1;

  enum class Fence : std::uint8_t { none, full, loads, stores };
  struct Event {
    std::size_t thread = 0;
    std::uint32_t word = 0;
    std::uint32_t value = 0;
    bool is_read = false;
    bool is_write = false;
    bool is_a = false;  ///< LDAR, LDAXR
    bool is_q = false;  ///< LDAPR
    bool is_l = false;  ///< STLR, STLXR
    Fence fence = Fence::none;
    bool is_exclusive =
        false;  ///< of an update that stores: its read, which the write follows, and its write
    bool compares = false;
    bool fails = false;
    std::uint32_t expected = 0;
  };
  /// Of each event, which ones it comes before, a bit each.
  using Relation = std::vector<std::uint32_t>;

  void make_events(std::uint32_t failing) {
    events_.clear();
    for (std::size_t thread = 0; thread < threads_.size(); ++thread) {
      for (const Instruction& i : threads_[thread]) {
        const bool fails = i.compares && (failing & 1) != 0;
        if (i.compares) failing >>= 1;
        const Order order = fails ? i.failure : i.order;
        Event event;
        event.thread = thread;
        event.word = i.word;
        if (i.kind == OpKind::fence) {
          event.fence = order == Order::stores                             ? Fence::stores
                        : order == Order::loads || order == Order::acquire ? Fence::loads
                                                                           : Fence::full;
          events_.push_back(event);
          continue;
        }
        const bool is_update = i.kind == OpKind::update && !fails;
        if (i.kind != OpKind::store) {
          Event read = event;
          read.is_read = true;
          read.is_a = is_update ? acquires(order) : order == Order::seq_cst;
          read.is_q = !is_update && (order == Order::acquire || order == Order::acq_rel);
          read.compares = i.compares;
          read.fails = fails;
          read.expected = i.expected;
          read.is_exclusive = is_update;
          events_.push_back(read);
        }
        if (i.kind == OpKind::store || is_update) {
          Event write = event;
          write.is_write = true;
          write.value = i.value;
          write.is_l = releases(order);
          write.is_exclusive = is_update;
          events_.push_back(write);
        }
      }
    }
  }

  [[nodiscard]] std::uint32_t value_of(int source) const {
    return source == initial ? 0 : events_[static_cast<std::size_t>(source)].value;
  }

  void choose_sources(std::size_t at) {
    if (at == events_.size()) {
      places_.assign(events_.size(), 0);
      last_.assign(TinyProgram::word_count, 0);
      return choose_coherence(0);
    }
    const Event& event = events_[at];
    if (!event.is_read) return choose_sources(at + 1);
    for (int source = initial; source < static_cast<int>(events_.size()); ++source) {
      if (source != initial) {
        const Event& from = events_[static_cast<std::size_t>(source)];
        if (!from.is_write || from.word != event.word) continue;
      }
      if (event.compares && (value_of(source) != event.expected) != event.fails) continue;
      sources_[at] = source;
      choose_sources(at + 1);
    }
    sources_[at] = initial;
  }

  void choose_coherence(std::uint32_t word) {
    if (word == TinyProgram::word_count) {
      if (is_allowed()) keep();
      return;
    }
    std::vector<std::size_t> writes;
    for (std::size_t i = 0; i < events_.size(); ++i) {
      if (events_[i].is_write && events_[i].word == word) writes.push_back(i);
    }
    do {
      for (std::size_t i = 0; i < writes.size(); ++i) places_[writes[i]] = i + 1;
      last_[word] = writes.empty() ? 0 : events_[writes.back()].value;
      choose_coherence(word + 1);
    } while (std::next_permutation(writes.begin(), writes.end()));
  }

  static bool has_cycle(Relation before) {
    for (std::size_t middle = 0; middle < before.size(); ++middle) {
      for (auto& each : before) {
        if ((each >> middle & 1) != 0) each |= before[middle];
      }
    }
    for (std::size_t i = 0; i < before.size(); ++i) {
      if ((before[i] >> i & 1) != 0) return true;
    }
    return false;
  }

  /// Where a read's source or a write stands among the writes of its word.
  [[nodiscard]] std::size_t place(std::size_t i) const {
    if (events_[i].is_write) return places_[i];
    return sources_[i] == initial ? 0 : places_[static_cast<std::size_t>(sources_[i])];
  }

  [[nodiscard]] bool is_allowed() const {
    const std::size_t count = events_.size();
    Relation internal(count, 0);
    Relation ordered(count, 0);
    Relation done(count, 0);  // program order and reads-from
    for (std::size_t a = 0; a < count; ++a) {
      for (std::size_t b = 0; b < count; ++b) {
        if (a == b) continue;
        const Event& first = events_[a];
        const Event& second = events_[b];
        const bool is_po = first.thread == second.thread && a < b;
        const bool touch =
            first.fence == Fence::none && second.fence == Fence::none && first.word == second.word;
        const bool rf = second.is_read && sources_[b] == static_cast<int>(a);
        const bool co = touch && first.is_write && second.is_write && places_[a] < places_[b];
        const bool fr = touch && first.is_read && second.is_write && place(a) < places_[b];
        const std::uint32_t to_b = 1u << b;
        if ((is_po && touch) || rf || co || fr) internal[a] |= to_b;
        if (is_po || rf) done[a] |= to_b;
        const bool is_external = first.thread != second.thread;
        if (is_external && (rf || co || fr)) ordered[a] |= to_b;
        if (is_po && is_barrier_ordered(a, b)) ordered[a] |= to_b;
        // aob
        if (is_po && b == a + 1 && first.is_exclusive && first.is_read && second.is_write) ordered[a] |= to_b;
        if (rf && is_po && first.is_exclusive && (second.is_a || second.is_q)) ordered[a] |= to_b;
      }
      // Nothing comes between an exclusive's read and its write.
      if (events_[a].is_exclusive && events_[a].is_read && place(a) + 1 != places_[a + 1]) return false;
    }
    return !has_cycle(internal) && !has_cycle(ordered) && (buffers_ || !has_cycle(done));
  }

  /// bob: `a` comes before `b` in the program.
  [[nodiscard]] bool is_barrier_ordered(std::size_t a, std::size_t b) const {
    const Event& first = events_[a];
    const Event& second = events_[b];
    if (first.fence != Fence::none || second.fence != Fence::none) return false;
    if (first.is_a || first.is_q || second.is_l || (first.is_l && second.is_a)) return true;
    for (std::size_t i = a + 1; i < b; ++i) {
      const Fence fence = events_[i].fence;
      if (fence == Fence::full || (fence == Fence::loads && first.is_read) ||
          (fence == Fence::stores && first.is_write && second.is_write))
        return true;
    }
    return false;
  }

  void keep() {
    std::string text;
    for (std::size_t thread = 0; thread < threads_.size(); ++thread) {
      std::string line;
      for (std::size_t i = 0; i < events_.size(); ++i) {
        if (events_[i].thread == thread && events_[i].is_read)
          line += (line.empty() ? "" : " ") + std::to_string(value_of(sources_[i]));
      }
      text += (thread == 0 ? "" : "|") + line;
    }
    for (std::uint32_t word = 0; word < TinyProgram::word_count; ++word)
      text += (word == 0 ? "; " : " ") + std::to_string(last_[word]);
    endings_.insert(text);
  }

  std::vector<Thread> threads_;
  bool buffers_;
  std::vector<Event> events_;
  std::vector<int> sources_;
  std::vector<std::size_t> places_;  ///< of each write, from 1
  std::vector<std::uint32_t> last_;
  std::set<std::string> endings_;
};

}  // namespace ringside::check::test
