// The checker's services for ring code (ring_check.h): calls that become operations.
#include "emu/check/include/ringside/ring_check.h"

#include "emu/check/check_services.h"
#include "emu/check/execution.h"
#include "emu/check/heap.h"
#include "emu/check/history.h"

using ringside::check::CheckerCode;
using ringside::check::CheckServices;
using ringside::check::Execution;
using ringside::check::History;
using ringside::check::Op;
using ringside::check::OperationKind;
using ringside::check::OpKind;
using ringside::check::Order;

#define RS_SERVICE extern "C" __attribute__((visibility("default"), used))

namespace {

std::uint32_t announce(OpKind kind, Order order, std::uint32_t argument, const char* why, const void* code) {
  const CheckerCode checker;
  Execution* execution = Execution::current();
  if (execution == nullptr) {
    if (kind == OpKind::fence) ringside::check::fence_now(order);
    return 0;
  }
  Op op;
  op.kind = kind;
  op.order = order;
  op.argument = argument;
  op.why = why;
  op.code = code;
  return execution->announce(op);
}

/// The object that answers while no execution is explored; null during an execution.
CheckServices* outside_driver() {
  return Execution::current() == nullptr ? ringside::check::check_services() : nullptr;
}

}  // namespace

RS_SERVICE void ring_check_wmb() {
  announce(OpKind::fence, Order::stores, 0, nullptr, __builtin_return_address(0));
}
RS_SERVICE void ring_check_rmb() {
  announce(OpKind::fence, Order::acquire, 0, nullptr, __builtin_return_address(0));
}
RS_SERVICE void ring_check_mb() {
  announce(OpKind::fence, Order::seq_cst, 0, nullptr, __builtin_return_address(0));
}
RS_SERVICE void ring_check_notify(int side) {
  const CheckerCode checker;
  if (CheckServices* driver = outside_driver(); driver != nullptr) return driver->notify(side);
  announce(OpKind::notify, Order::plain, side == RING_CHECK_BACK ? 1 : 0, nullptr,
           __builtin_return_address(0));
}
RS_SERVICE void ring_check_wait(int side) {
  const CheckerCode checker;
  if (CheckServices* driver = outside_driver(); driver != nullptr) return driver->wait(side);
  announce(OpKind::wait, Order::plain, side == RING_CHECK_BACK ? 1 : 0, nullptr, __builtin_return_address(0));
}
RS_SERVICE void ring_check_await() {
  const CheckerCode checker;
  if (CheckServices* driver = outside_driver(); driver != nullptr) return driver->await();
  announce(OpKind::await, Order::plain, 0, nullptr, __builtin_return_address(0));
}
RS_SERVICE void ring_check_fail(const char* text) {
  const CheckerCode checker;
  if (CheckServices* driver = outside_driver(); driver != nullptr) driver->fail(text == nullptr ? "" : text);
  if (Execution* execution = Execution::current(); execution != nullptr)
    execution->fail(text == nullptr ? "" : text);
}
RS_SERVICE std::uint32_t ring_check_choose(std::uint32_t n, const char* why) {
  if (n <= 1) return 0;
  const CheckerCode checker;
  if (CheckServices* driver = outside_driver(); driver != nullptr) return driver->choose(n, why);
  return announce(OpKind::choose, Order::plain, n > 255 ? 255 : n, why, __builtin_return_address(0));
}
RS_SERVICE std::uint32_t ring_check_thread() {
  const Execution* execution = Execution::current();
  return execution == nullptr ? 0 : execution->fiber();
}
RS_SERVICE void ring_check_begin(int operation, std::uint64_t value) {
  const CheckerCode checker;
  const auto kind = static_cast<OperationKind>(operation);
  if (operation < RING_CHECK_PUSHES || operation > RING_CHECK_TAKES)
    return ring_check_fail("ring_check_begin() was called with an unknown operation");
  CheckServices* driver = outside_driver();
  if (History* history = driver == nullptr ? nullptr : driver->history(); history != nullptr) {
    const std::string wrong = history->begin(History::alone, kind, value, {});
    if (!wrong.empty()) driver->fail(wrong.c_str());
  }
  if (Execution* execution = Execution::current(); execution != nullptr)
    execution->begin_operation(kind, value, __builtin_return_address(0));
}
RS_SERVICE void ring_check_end(int outcome, std::uint64_t value) {
  const CheckerCode checker;
  CheckServices* driver = outside_driver();
  if (History* history = driver == nullptr ? nullptr : driver->history(); history != nullptr) {
    const std::string wrong = history->end(History::alone, outcome, value);
    if (!wrong.empty()) driver->fail(wrong.c_str());
  }
  if (Execution* execution = Execution::current(); execution != nullptr)
    execution->end_operation(outcome, value, __builtin_return_address(0));
}
