// The exit statuses of a kernel's process and of its program.
#pragma once

namespace ringside::domu {

/// The exit status of a kernel's process that could not continue.
inline constexpr int exit_status_hypervisor_gone = 3;
/// The domain's exit status when its program cannot be started, as a shell would show it.
inline constexpr int exit_status_no_program = 127;

}  // namespace ringside::domu
