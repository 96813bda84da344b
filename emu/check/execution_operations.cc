// Operations that a test records (ring_check_begin, ring_check_end), and the order between them.
//
// Under SC and TSO the order is that of time, so that the search tries it like memory. Each thread counts its
// ended operations in memory, and loads the counts when it begins one. Under TSO a count waits in the store
// buffer behind the stores of the operation: for other threads, an operation has not ended before its count
// is seen. Under C11 and Armv8 there is no time: an operation is ordered after those that happen before it.
#include <cstring>

#include "emu/check/execution.h"
#include "emu/check/history.h"

namespace ringside::check {

namespace {

Op told_op(const char* text, const void* code) {
  Op op;
  op.kind = OpKind::choose;
  op.argument = 1;
  op.why = text;
  op.code = code;
  return op;
}

}  // namespace

const char* Execution::kept(std::string text) {
  return observer_ == nullptr ? "" : texts_.insert(std::move(text)).first->c_str();
}

void Execution::begin_operation(OperationKind kind, std::uint64_t value, const void* code) {
  History* history = program_->history();
  if (history == nullptr) fail("it records an operation, which only tests can");
  const std::uint32_t self = fibers_.current();
  // It is not recorded yet, but has the text of a recorded one.
  Op op = told_op(kept("begins " + History::text_of_begun(kind, value)), code);
  History::Ended ended = {};
  if (space_->find(history->ended_counts(), fibers_max, op.offset)) {
    op.kind = OpKind::load;
    op.order = Order::relaxed;
    op.size = fibers_max;
    announce(op);
    for (std::uint32_t thread = 0; thread < fibers_max; ++thread)
      ended[thread] = history->ended_counts()[thread];
  } else {
    announce(op);
    for (std::uint32_t thread = 0; thread < fiber_count_; ++thread) {
      const std::uint32_t known = model_->steps_known(self, thread);
      for (const std::uint32_t number : operation_ends_[thread]) ended[thread] += number <= known ? 1 : 0;
    }
  }
  if (std::string wrong = history->begin(self, kind, value, ended); !wrong.empty()) fail(wrong);
}

void Execution::end_operation(int outcome, std::uint64_t value, const void* code) {
  History* history = program_->history();
  if (history == nullptr) fail("it records an operation, which only tests can");
  const std::uint32_t self = fibers_.current();
  announce_store_in_pieces();
  if (std::string wrong = history->end(self, outcome, value); !wrong.empty()) fail(wrong);
  Op op = told_op(kept("ends " + history->text_of_last(self)), code);
  std::uint8_t* count = history->ended_counts() + self;
  if (space_->find(count, 1, op.offset)) {
    op.kind = OpKind::store;
    op.order = Order::relaxed;
    op.size = 1;
    announce(op);
    ++operation_counts_[self];
    *count = operation_counts_[self];
  } else {
    announce(op);
    operation_ends_[self].push_back(numbers_[self]);
  }
}

}  // namespace ringside::check
