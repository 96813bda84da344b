// Does the compiler announce everything? The page is taken away, each touch of it is let through one
// instruction at a time, and compared with what was announced. What was not is an access that no search can
// reorder: memory copied by a library, code compiled without the flags, inline assembler. On x86-64;
// elsewhere nothing is looked at.
#pragma once

#include <string>
#include <vector>

#include "emu/check/execution.h"
#include "tools/ring_check/plugin.h"

namespace ringside::tools {

struct Unannounced {
  const void* code = nullptr;
  std::uint32_t offset = 0;  ///< in the page

  friend auto operator<=>(const Unannounced&, const Unannounced&) = default;
};

struct Audit {
  std::uint64_t touches = 0;
  std::vector<Unannounced> unseen;  ///< each place in the code once
};

/// One execution of `program` in the plain order, under a model that leaves the page alone (SC). One at a
/// time.
[[nodiscard]] Audit audit(const RingPlugin& plugin, check::Space& space, check::Model& model,
                          check::Program& program);

}  // namespace ringside::tools
