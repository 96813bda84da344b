// Accesses go directly to the page.
#include "emu/check/model_sc.h"

namespace ringside::check {

void ModelSc::peek(std::uint32_t offset, std::uint32_t bytes, std::byte* to) const {
  for (std::uint32_t i = 0; i < bytes; ++i) to[i] = *space().at(offset + i);
}

}  // namespace ringside::check
