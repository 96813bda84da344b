// Sets of bits that are closed under "before".
#include "emu/check/order_graph.h"

#include <algorithm>

namespace ringside::check {

void OrderGraph::Set::add(Node node) {
  if (node / 64 >= bits_.size()) bits_.resize(node / 64 + 1);
  bits_[node / 64] |= std::uint64_t{1} << node % 64;
}

void OrderGraph::Set::add(const Set& others) {
  if (bits_.size() < others.bits_.size()) bits_.resize(others.bits_.size());
  for (std::size_t i = 0; i < others.bits_.size(); ++i) bits_[i] |= others.bits_[i];
}

void OrderGraph::collect(Node node, Set& set) const {
  if (node == none) return;
  set.add(before_[node]);
  set.add(node);
}

OrderGraph::Node OrderGraph::add(const Set& before) {
  if (count_ == before_.size()) before_.emplace_back();
  before_[count_] = before;
  return count_++;
}

void OrderGraph::order(Node first, Node second) {
  if (is_before(first, second)) return;
  Set all;
  collect(first, all);
  before_[second].add(all);
  for (Node node = 0; node < count_; ++node) {
    if (before_[node].has(second)) before_[node].add(all);
  }
}

}  // namespace ringside::check
