// The order between the accesses of an execution, for a model that is a relation between accesses and not a
// point in time: a graph without cycles that grows by one access at a time.
//
// For each node, all nodes before it are stored, a bit each. The caller excludes cycles before it adds an
// order.
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
  /// Adds the node, and all nodes before it, to `set`.
  void collect(Node node, Set& set) const;
  /// Adds a node after the nodes in `before`, a closed set.
  [[nodiscard]] Node add(const Set& before);
  /// Orders `first` before `second`, and so before all nodes after `second`. The reverse order must not
  /// exist.
  void order(Node first, Node second);
  [[nodiscard]] bool is_before(Node first, Node second) const { return before_[second].has(first); }

 private:
  std::vector<Set> before_;  ///< reused in the next execution
  Node count_ = 0;
};

}  // namespace ringside::check
