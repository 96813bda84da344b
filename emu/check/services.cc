// What the checker gives to the ring (ring_check.h): calls from ring code that become operations.
#include "emu/check/include/ringside/ring_check.h"

#include "emu/check/execution.h"
#include "emu/check/outside.h"

using ringside::check::Execution;
using ringside::check::Op;
using ringside::check::OpKind;
using ringside::check::Order;
using ringside::check::Outside;

#define RS_SERVICE extern "C" __attribute__((visibility("default"), used))

namespace {

/// No execution: ring code runs as it is, and whoever drives it answers.
std::uint32_t unexplored(OpKind kind, Order order, std::uint32_t argument, const char* why) {
  if (kind == OpKind::fence) ringside::check::fence_now(order);
  Outside* answers = ringside::check::outside();
  if (answers == nullptr) return 0;
  if (kind == OpKind::notify) answers->notify(static_cast<int>(argument));
  if (kind == OpKind::wait) answers->wait(static_cast<int>(argument));
  if (kind == OpKind::await) answers->await();
  return kind == OpKind::choose ? answers->choose(argument, why) : 0;
}

std::uint32_t announce(OpKind kind, Order order, std::uint32_t argument, const char* why, const void* code) {
  Execution* execution = Execution::current();
  if (execution == nullptr) return unexplored(kind, order, argument, why);
  Op op;
  op.kind = kind;
  op.order = order;
  op.argument = argument;
  op.why = why;
  op.code = code;
  return execution->announce(op);
}

}  // namespace

RS_SERVICE void ring_check_wmb() {
  announce(OpKind::fence, Order::release, 0, nullptr, __builtin_return_address(0));
}
RS_SERVICE void ring_check_rmb() {
  announce(OpKind::fence, Order::acquire, 0, nullptr, __builtin_return_address(0));
}
RS_SERVICE void ring_check_mb() {
  announce(OpKind::fence, Order::seq_cst, 0, nullptr, __builtin_return_address(0));
}
RS_SERVICE void ring_check_notify(int side) {
  announce(OpKind::notify, Order::plain, side == RING_CHECK_BACK ? 1 : 0, nullptr,
           __builtin_return_address(0));
}
RS_SERVICE void ring_check_wait(int side) {
  announce(OpKind::wait, Order::plain, side == RING_CHECK_BACK ? 1 : 0, nullptr, __builtin_return_address(0));
}
RS_SERVICE void ring_check_await() {
  announce(OpKind::await, Order::plain, 0, nullptr, __builtin_return_address(0));
}
RS_SERVICE void ring_check_fail(const char* text) {
  const char* said = text == nullptr ? "" : text;
  if (Execution* execution = Execution::current(); execution != nullptr) return execution->fail(said);
  if (Outside* answers = ringside::check::outside(); answers != nullptr) answers->fail(said);
}
RS_SERVICE std::uint32_t ring_check_choose(std::uint32_t n, const char* why) {
  if (n <= 1) return 0;
  return announce(OpKind::choose, Order::plain, n > 255 ? 255 : n, why, __builtin_return_address(0));
}
