// Nothing is between an access and the page.
#include "emu/check/model_sc.h"

namespace ringside::check {

void ModelSc::place(Op& op) const {
  switch (op.kind) {
    case OpKind::load:
    case OpKind::store:
    case OpKind::update:
      op.first = space().location_of(op.offset);
      op.last = static_cast<std::uint16_t>(space().location_of(op.offset + op.size - 1) + 1);
      return;
    case OpKind::notify:
    case OpKind::wait:
      op.first = space().event_location(op.argument);
      op.last = static_cast<std::uint16_t>(op.first + 1);
      return;
    case OpKind::fence:
    case OpKind::await:
    case OpKind::choose:
    case OpKind::flush:
      return;
  }
}

void ModelSc::peek(std::uint32_t offset, std::uint32_t bytes, std::byte* to) const {
  for (std::uint32_t i = 0; i < bytes; ++i) to[i] = *space().at(offset + i);
}

}  // namespace ringside::check
