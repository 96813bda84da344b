// Checks that the compiler announces every access. The memory is protected, each access is permitted for one
// instruction and compared with the announcements. A search cannot reorder an unannounced access: memory
// copied by a library, code compiled without the flags, inline assembler. Only on x86-64; other processors
// are not checked.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "emu/check/execution.h"
#include "tools/ring_check/job.h"
#include "tools/ring_check/plugin.h"

namespace ringside::tools {

struct Unannounced {
  const void* code = nullptr;  ///< after the instruction, like a return address
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
  /// Null: any code may announce its accesses. Otherwise only code that `ringside ring-check cc` has
  /// compiled.
  const RingPlugin* marked_by = nullptr;
  std::vector<const void*> waits = {};  ///< loads that wait (Execution::wait_at)
};

/// Calls `run` to make executions of `program`, under a model that keeps no stores from memory (SC). Only one
/// audit may run at a time.
[[nodiscard]] Audit audit(const Audited& audited, check::Space& space, check::Model& model,
                          check::Program& program, check::SharedMemory* shared_memory,
                          const std::function<void(check::Execution&)>& run);

/// Runs the job and returns the verdict.
[[nodiscard]] RingVerdict audit_ring(const RingJob& job);

}  // namespace ringside::tools
