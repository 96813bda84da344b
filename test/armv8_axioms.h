// The outcomes that Armv8 allows for a tiny program, by the axioms of its model (aarch64.cat, as in Pulte,
// Flur, Deacon, French, Sarkar and Sewell, POPL 2018, without dependencies). Every combination of reads-from
// and of the order of stores to a word is generated, and kept if no axiom forbids it. This code executes
// nothing, and uses no part of the checker but its instructions. Accesses to half of a word are as in
// Alglave, Deacon, Grisenthwaite, Hacquard and Maranget (Armed Cats, TOPLAS 2021): coherence applies to each
// half, and other threads see a whole access.
#pragma once

#include <algorithm>

#include "test/tiny_axioms.h"

namespace ringside::check::test {

enum class ArmFence : std::uint8_t { none, full, loads, stores };
struct ArmEvent : TinyEvent {
  bool is_a = false;  ///< LDAR, LDAXR
  bool is_q = false;  ///< LDAPR
  bool is_l = false;  ///< STLR, STLXR
  ArmFence fence = ArmFence::none;
  bool is_exclusive = false;  ///< of an update that stores: its read and its write, which follows the read
};

class Armv8Axioms final : public TinyAxioms<ArmEvent> {
 public:
  /// `buffers`: a load may read from a later store, by program order and reads-from.
  Armv8Axioms(std::vector<Thread> threads, bool buffers) : TinyAxioms(std::move(threads)), buffers_(buffers) {
    judge_all();
  }

 private:
  void add_events(const ArmEvent& made, const Instruction& instruction) override {
    const Order order = made.fails ? instruction.failure : instruction.order;
    if (instruction.kind == OpKind::fence) {
      ArmEvent fence = made;
      fence.fence = order == Order::stores                             ? ArmFence::stores
                    : order == Order::loads || order == Order::acquire ? ArmFence::loads
                                                                       : ArmFence::full;
      events().push_back(fence);
      return;
    }
    const bool is_update = made.reads && made.writes;
    if (made.reads) {
      ArmEvent read = made;
      read.writes = false;
      read.is_a = is_update ? acquires(order) : order == Order::seq_cst;
      read.is_q = !is_update && (order == Order::acquire || order == Order::acq_rel);
      read.is_exclusive = is_update;
      events().push_back(read);
    }
    if (made.writes) {
      ArmEvent write = made;
      write.reads = write.compares = false;
      write.is_l = releases(order);
      write.is_exclusive = is_update;
      events().push_back(write);
    }
  }

  void judge() override {
    places_.assign(events().size(), Places{});
    last_.assign(TinyProgram::word_count, {initial, initial});
    choose_coherence(0, 0);
  }

  void choose_coherence(std::uint32_t word, std::uint32_t half) {
    if (half == halves()) return choose_coherence(word + 1, 0);
    if (word == TinyProgram::word_count) {
      if (is_allowed()) keep_this();
      return;
    }
    std::vector<std::size_t> stores = stores_to(word, half);
    do {
      for (std::size_t i = 0; i < stores.size(); ++i) places_[stores[i]][half] = i + 1;
      last_[word][half] = stores.empty() ? initial : static_cast<int>(stores.back());
      // An early check: the axioms would reject these orders too, but more slowly.
      if (half == 0 || are_whole(word, places_)) choose_coherence(word, half + 1);
    } while (std::next_permutation(stores.begin(), stores.end()));
  }

  /// The position of a read's source, or of a write, among the writes of its half.
  [[nodiscard]] std::size_t position(std::size_t i, std::uint32_t half) const {
    return events()[i].writes ? places_[i][half] : place(i, half, places_);
  }

  [[nodiscard]] bool is_allowed() const {
    const std::size_t count = events().size();
    std::array<Relation, halves_max> internal = {Relation(count, 0), Relation(count, 0)};
    Relation ordered(count, 0);
    Relation done(count, 0);  // program order and reads-from
    for (std::size_t a = 0; a < count; ++a) {
      for (std::size_t b = 0; b < count; ++b) {
        if (a == b) continue;
        const ArmEvent& first = events()[a];
        const ArmEvent& second = events()[b];
        const bool is_po = first.thread == second.thread && a < b;
        const bool rf = reads_from(b, a);
        bool is_seen = rf;
        for (std::uint32_t half = 0; half < halves(); ++half) {
          if (first.word != second.word || !first.has(half) || !second.has(half)) continue;
          const bool later = position(a, half) < position(b, half);
          const bool co = first.writes && second.writes && later;
          const bool fr = first.reads && second.writes && later;
          const bool rf_here = second.reads && source(b, half) == static_cast<int>(a);
          if (is_po || rf_here || co || fr) add(internal[half], a, b);
          is_seen = is_seen || co || fr;
        }
        if (is_po || rf) add(done, a, b);
        if (first.thread != second.thread && is_seen) add(ordered, a, b);
        if (is_po && is_barrier_ordered(a, b)) add(ordered, a, b);
        // aob
        if (is_po && b == a + 1 && first.is_exclusive && first.reads && second.writes) add(ordered, a, b);
        if (rf && is_po && first.is_exclusive && (second.is_a || second.is_q)) add(ordered, a, b);
      }
      // No other write comes between an exclusive's read and its write.
      for (std::uint32_t half = 0; half < halves(); ++half) {
        if (events()[a].is_exclusive && events()[a].reads && events()[a].has(half) &&
            position(a, half) + 1 != places_[a + 1][half])
          return false;
      }
    }
    return close(internal[0]) && close(internal[1]) && close(ordered) && (buffers_ || close(done));
  }

  /// bob: `a` comes before `b` in the program.
  [[nodiscard]] bool is_barrier_ordered(std::size_t a, std::size_t b) const {
    const ArmEvent& first = events()[a];
    const ArmEvent& second = events()[b];
    if (first.fence != ArmFence::none || second.fence != ArmFence::none) return false;
    if (first.is_a || first.is_q || second.is_l || (first.is_l && second.is_a)) return true;
    for (std::size_t i = a + 1; i < b; ++i) {
      const ArmFence fence = events()[i].fence;
      if (fence == ArmFence::full || (fence == ArmFence::loads && first.reads) ||
          (fence == ArmFence::stores && first.writes && second.writes))
        return true;
    }
    return false;
  }

  void keep_this() {
    std::string text = text_of_loads();
    for (std::uint32_t word = 0; word < TinyProgram::word_count; ++word)
      text += (word == 0 ? "; " : " ") + std::to_string(value_of(last_[word], halves() == 1 ? 1 : 3));
    keep(text);
  }

  bool buffers_;
  std::vector<Places> places_;
  std::vector<Sources> last_;
};

}  // namespace ringside::check::test
