// Recording, and the search for an order.
#include "emu/check/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <deque>

namespace ringside::check {

namespace {

constexpr std::size_t remembered_max = 50'000;

}  // namespace

/// Takes operations one by one, each after its predecessors.
class History::Search {
 public:
  Search(const std::vector<Operation>& operations, std::uint32_t capacity)
      : operations_(&operations), capacity_(capacity) {}

  [[nodiscard]] bool finds_order() { return go_on(0); }

 private:
  [[nodiscard]] bool go_on(std::uint64_t taken) {
    taken = take_what_changes_nothing(taken);
    if (std::popcount(taken) == static_cast<int>(operations_->size())) return true;
    if (!seen_.insert(state(taken)).second) return false;
    for (std::size_t i = 0; i < operations_->size(); ++i) {
      const Operation& operation = (*operations_)[i];
      if (!is_next(i, taken) || !is_possible(operation)) continue;
      const std::deque<std::uint64_t> before = values_;
      apply(operation);
      if (go_on(taken | std::uint64_t{1} << i)) return true;
      values_ = before;
    }
    return false;
  }

  /// An operation that changes nothing can be taken as soon as it is possible.
  [[nodiscard]] std::uint64_t take_what_changes_nothing(std::uint64_t taken) const {
    for (bool took = true; took;) {
      took = false;
      for (std::size_t i = 0; i < operations_->size(); ++i) {
        const Operation& operation = (*operations_)[i];
        if (operation.outcome > 0 || !is_next(i, taken) || !is_possible(operation)) continue;
        taken |= std::uint64_t{1} << i;
        took = true;
      }
    }
    return taken;
  }

  [[nodiscard]] bool is_next(std::size_t i, std::uint64_t taken) const {
    return (taken >> i & 1) == 0 && ((*operations_)[i].after & ~taken) == 0;
  }

  [[nodiscard]] bool is_possible(const Operation& operation) const {
    if (operation.outcome < 0) return true;
    const bool is_full = capacity_ != 0 && values_.size() >= capacity_;
    if (operation.kind == OperationKind::push)
      return operation.outcome > 0 ? !is_full : is_full || capacity_ == 0;
    if (operation.outcome == 0) return values_.empty();
    if (values_.empty()) return false;
    return operation.value == (operation.kind == OperationKind::pop ? values_.back() : values_.front());
  }

  void apply(const Operation& operation) {
    switch (operation.kind) {
      case OperationKind::push:
        return values_.push_back(operation.value);
      case OperationKind::pop:
        return values_.pop_back();
      case OperationKind::take:
        return values_.pop_front();
    }
  }

  [[nodiscard]] std::string state(std::uint64_t taken) const {
    std::string text = fmt::format("{:x}", taken);
    for (const std::uint64_t value : values_) text += fmt::format(" {:x}", value);
    return text;
  }

  const std::vector<Operation>* operations_;
  std::uint32_t capacity_;
  std::deque<std::uint64_t> values_;
  std::unordered_set<std::string> seen_;
};

std::size_t History::last_of(std::uint32_t thread) const {
  for (std::size_t i = operations_.size(); i-- > 0;) {
    if (operations_[i].thread == thread) return i;
  }
  return operations_.size();
}

std::string History::begin(std::uint32_t thread, OperationKind kind, std::uint64_t value,
                           const Ended& ended) {
  const std::size_t last = last_of(thread);
  if (last < operations_.size() && operations_[last].is_open)
    return "an operation begins before the thread's last one has ended";
  if (operations_.size() == operations_max)
    return fmt::format("more than {} operations are recorded", operations_max);
  Operation operation;
  operation.thread = thread;
  operation.kind = kind;
  operation.value = value;
  std::array<std::uint32_t, fibers_max> numbers = {};
  for (std::size_t i = 0; i < operations_.size(); ++i) {
    const Operation& other = operations_[i];
    const bool is_ordered = thread == alone || other.thread == alone || other.thread == thread;
    if (is_ordered || numbers[other.thread]++ < ended[other.thread]) operation.after |= std::uint64_t{1} << i;
  }
  operations_.push_back(operation);
  return {};
}

std::string History::end(std::uint32_t thread, int outcome, std::uint64_t value) {
  const std::size_t at = last_of(thread);
  if (at == operations_.size() || !operations_[at].is_open) return "an operation ends that has not begun";
  Operation& last = operations_[at];
  last.is_open = false;
  last.outcome = outcome;
  if (last.kind != OperationKind::push) last.value = value;
  return {};
}

std::string History::text_of_begun(OperationKind kind, std::uint64_t value) {
  if (kind == OperationKind::push) return fmt::format("push({})", value);
  return kind == OperationKind::pop ? "pop()" : "take()";
}

std::string History::text_of(const Operation& operation) {
  const bool is_push = operation.kind == OperationKind::push;
  std::string text = text_of_begun(operation.kind, operation.value);
  if (operation.is_open) return text;
  if (operation.outcome < 0) return text + " gives up";
  if (operation.outcome == 0) return text + (is_push ? " finds no room" : " finds nothing");
  return is_push ? text : text + fmt::format(" = {}", operation.value);
}

std::string History::text_of_last(std::uint32_t thread) const {
  const std::size_t last = last_of(thread);
  return last == operations_.size() ? std::string() : text_of(operations_[last]);
}

/// Equal for equal histories.
std::string History::key() const {
  std::string text;
  for (const Operation& each : operations_)
    text += fmt::format("{:x} {} {} {:x} {:x},", each.thread, static_cast<int>(each.kind), each.outcome,
                        each.value, each.after);
  return text;
}

std::string History::object_name() const {
  const auto has = [&](OperationKind kind) {
    return std::any_of(operations_.begin(), operations_.end(),
                       [&](const Operation& operation) { return operation.kind == kind; });
  };
  if (!has(OperationKind::pop)) return "queue";
  return has(OperationKind::take) ? "deque" : "stack";
}

std::string History::judge(std::uint32_t capacity,
                           const std::function<std::string(std::uint32_t thread)>& name_of) {
  if (operations_.empty()) return {};
  for (const Operation& each : operations_) {
    if (each.is_open)
      return fmt::format("the {} began {} and did not end it", name_of(each.thread), text_of(each));
  }
  std::string it = key();
  if (right_.contains(it)) return {};
  if (Search(operations_, capacity).finds_order()) {
    if (right_.size() < remembered_max) right_.insert(std::move(it));
    return {};
  }
  std::string text = fmt::format("no order of the operations is possible for a {}:", object_name());
  std::vector<std::uint32_t> threads;
  for (const Operation& each : operations_) {
    if (std::find(threads.begin(), threads.end(), each.thread) == threads.end())
      threads.push_back(each.thread);
  }
  std::sort(threads.begin(), threads.end());
  for (const std::uint32_t thread : threads) {
    text += fmt::format("{} {}:", text.back() == ':' ? "" : ";", name_of(thread));
    for (const Operation& each : operations_) {
      if (each.thread == thread) text += fmt::format("{} {}", text.back() == ':' ? "" : ",", text_of(each));
    }
  }
  return text;
}

}  // namespace ringside::check
