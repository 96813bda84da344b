// Does the compiler announce everything? The memory is taken away, each touch of it is let through one
// instruction at a time, and compared with what was announced. What was not is an access that no search can
// reorder: memory copied by a library, code compiled without the flags, inline assembler. On x86-64;
// elsewhere nothing is looked at.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "emu/check/execution.h"
#include "tools/ring_check/job.h"
#include "tools/ring_check/plugin.h"

namespace ringside::tools {

struct Unannounced {
  const void* code = nullptr;  ///< behind the instruction, as a return address is
  const std::byte* address = nullptr;
  std::uint32_t fiber = 0;
  bool writes = false;

  friend auto operator<=>(const Unannounced&, const Unannounced&) = default;
};

struct Audit {
  std::uint64_t touches = 0;
  std::vector<Unannounced> unseen;  ///< each once
};

struct Audited {
  std::vector<std::span<std::byte>> areas;  ///< in whole pages of the system
  /// Null: any code may announce its accesses. Otherwise only what `ringside ring-check cc` has compiled.
  const RingPlugin* marked_by = nullptr;
  std::vector<const void*> waits = {};  ///< loads that wait (Execution::wait_at)
};

/// Lets `run` make executions of `program`, under a model that leaves the memory alone (SC). One at a time.
[[nodiscard]] Audit audit(const Audited& audited, check::Space& space, check::Model& model,
                          check::Program& program, check::Elsewhere* elsewhere,
                          const std::function<void(check::Execution&)>& run);

/// The job: what it finds as a verdict.
[[nodiscard]] RingVerdict audit_ring(const RingJob& job);

}  // namespace ringside::tools
