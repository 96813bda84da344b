// How a kernel's process ends, and what it says of its program's end.
#pragma once

namespace ringside::domu {

/// What a kernel's process ends with when it could not go on.
inline constexpr int exit_status_hypervisor_gone = 3;
/// The domain's exit status when its program cannot be started, as a shell would show it.
inline constexpr int exit_status_no_program = 127;

}  // namespace ringside::domu
