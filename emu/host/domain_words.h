// The wording of a domain's end. All programs that report it use the same words: the hypervisor's journal,
// dom0's daemons on the console, the command line.
#pragma once

#include <string>
#include <string_view>

#include "emu/host/hypercall.h"
#include "emu/trace/facts.h"

namespace ringside {

/// Exit statuses are those of a shell: for a process killed by a signal it is this plus the signal's number.
inline constexpr int status_of_signal_0 = 128;
/// The exit status of a crashed domain when its process's status is unknown: as if killed.
inline constexpr int unknown_crash_status = trace::crash_status_unknown;

/// "poweroff" ... "crash"; empty for any other value.
[[nodiscard]] std::string_view reason_name(ShutdownReason reason);
/// How a domain crashed: "killed by signal 11 (SIGSEGV)".
[[nodiscard]] std::string crash_text(const DomainInfo& info);

}  // namespace ringside
