// Which accesses of an execution are ordered before which, for a model that is a relation between accesses
// and not a point in time: a graph that grows by one access after the other and stays without cycles.
//
// Of each node all that come before it are kept, a bit each. What would close a cycle is asked for before it
// is added.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ringside::check {

class OrderGraph {
 public:
  using Node = std::uint32_t;
  static constexpr Node none = 0xffffffff;

  /// Nodes, a bit each.
  class Set {
   public:
    void clear() { bits_.clear(); }
    void add(Node node);
    void add(const Set& others);
    [[nodiscard]] bool has(Node node) const {
      return node / 64 < bits_.size() && (bits_[node / 64] >> node % 64 & 1) != 0;
    }

   private:
    std::vector<std::uint64_t> bits_;
  };

  void clear() { count_ = 0; }
  [[nodiscard]] Node count() const { return count_; }
  /// The node, and all before it, are put into `set`.
  void collect(Node node, Set& set) const;
  /// A node with just those before it, of which each is there with all before it.
  [[nodiscard]] Node add(const Set& before);
  /// `first` comes before `second`, too, and before all that `second` comes before; not the other way round.
  void order(Node first, Node second);
  [[nodiscard]] bool is_before(Node first, Node second) const { return before_[second].has(first); }

 private:
  std::vector<Set> before_;  ///< kept from one execution to the next, for its memory
  Node count_ = 0;
};

}  // namespace ringside::check
