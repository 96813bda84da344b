// Switching by Boost.Context's lowest layer: a fiber is begun anew a hundred thousand times a second, on the
// same stack.
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

Fibers::Fibers() = default;

Fibers::~Fibers() {
  boost::context::protected_fixedsize_stack stacks(stack_bytes);
  for (void* end : stacks_) {
    if (end == nullptr) continue;
    boost::context::stack_context stack;
    stack.sp = end;
    stack.size = stack_size_;
    stacks.deallocate(stack);
  }
}

void Fibers::prepare(std::uint32_t fiber, Entry entry, void* with) {
  RS_CHECK(fiber < fibers_max && fiber != current_);
  if (stacks_[fiber] == nullptr) {
    const boost::context::stack_context stack =
        boost::context::protected_fixedsize_stack(stack_bytes).allocate();
    stacks_[fiber] = stack.sp;
    stack_size_ = stack.size;
  }
#if defined(__SANITIZE_ADDRESS__)
  // The frames of an execution that was given up have left their marks there.
  __asan_unpoison_memory_region(static_cast<std::byte*>(stacks_[fiber]) - stack_bytes, stack_bytes);
#endif
  starts_[fiber] = {this, entry, with, fiber};
  contexts_[fiber] = context::make_fcontext(stacks_[fiber], stack_bytes, &Trampoline::run);
}

void Fibers::go(std::uint32_t to) {
  const std::uint32_t from = current_;
  came_from_ = from;
  current_ = to;
  void* data = to == main_ ? nullptr : &starts_[to];
  const context::transfer_t back = context::jump_fcontext(contexts_[to], data);
  // Whoever switched here is left where it is now.
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
