// Switching by Boost.Context's lowest layer: a fiber is begun anew a hundred thousand times a second, on the
// same stack.
#include "emu/check/fibers.h"

#include <boost/context/detail/fcontext.hpp>

#include "emu/base/check.h"

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
Fibers::~Fibers() = default;

void Fibers::prepare(std::uint32_t fiber, Entry entry, void* with) {
  RS_CHECK(fiber < fibers_max && fiber != current_);
  if (stacks_[fiber] == nullptr) stacks_[fiber].reset(new std::byte[stack_bytes]);
  starts_[fiber] = {this, entry, with, fiber};
  contexts_[fiber] =
      context::make_fcontext(stacks_[fiber].get() + stack_bytes, stack_bytes, &Trampoline::run);
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
