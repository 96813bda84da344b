// Switches with Boost.Context's lowest layer, because a fiber starts a hundred thousand times a second. It
// always starts on the same stack.
#include "emu/check/fibers.h"

#include <boost/context/detail/fcontext.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>

#include "emu/base/check.h"

#if defined(__SANITIZE_ADDRESS__)
extern "C" void __asan_unpoison_memory_region(void const volatile* address, std::size_t size);
#endif

namespace ringside::check {

namespace context = boost::context::detail;

struct Fibers::Trampoline {
  static void run(context::transfer_t transfer) {
    auto* start = static_cast<Start*>(transfer.data);
    Fibers* fibers = start->fibers;
    fibers->contexts_[fibers->came_from_] = transfer.fctx;
    start->entry(start->context, start->fiber);
    RS_CHECK(!"a fiber's entry must not return");
  }
};

namespace {

/// The upper end of each fiber's stack, with a guard page below the stack. The stacks are kept between
/// executions, so that addresses on them stay the same.
std::array<void*, fibers_max> stacks = {};

}  // namespace

std::uint32_t Fibers::owner_of(const void* address) {
  for (std::uint32_t fiber = 0; fiber < fibers_max; ++fiber) {
    const auto below_end = static_cast<std::size_t>(static_cast<const std::byte*>(stacks[fiber]) -
                                                    static_cast<const std::byte*>(address));
    if (stacks[fiber] != nullptr && below_end <= stack_bytes) return fiber;
  }
  return fibers_max;
}

const void* Fibers::stack_end(std::uint32_t fiber) {
  if (stacks[fiber] == nullptr)
    stacks[fiber] = boost::context::protected_fixedsize_stack(stack_bytes).allocate().sp;
  return stacks[fiber];
}

void Fibers::prepare(std::uint32_t fiber, Entry entry, void* with) {
  RS_CHECK(fiber < fibers_max && fiber != current_);
  static_cast<void>(stack_end(fiber));
#if defined(__SANITIZE_ADDRESS__)
  // The frames of an abandoned execution have left poisoned memory there.
  __asan_unpoison_memory_region(static_cast<std::byte*>(stacks[fiber]) - stack_bytes, stack_bytes);
#endif
  starts_[fiber] = {this, entry, with, fiber};
  contexts_[fiber] = context::make_fcontext(stacks[fiber], stack_bytes, &Trampoline::run);
}

void Fibers::go(std::uint32_t to) {
  const std::uint32_t from = current_;
  came_from_ = from;
  current_ = to;
  void* data = to == main_ ? nullptr : &starts_[to];
  const context::transfer_t back = context::jump_fcontext(contexts_[to], data);
  // Stores where the fiber that switched here continues.
  contexts_[came_from_] = back.fctx;
}

void Fibers::switch_to(std::uint32_t fiber) {
  if (fiber != current_) go(fiber);
}

void Fibers::switch_to_main() {
  RS_CHECK(in_fiber());
  go(main_);
}

}  // namespace ringside::check
