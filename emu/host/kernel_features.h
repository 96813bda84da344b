// Tries what ringside needs of the kernel and of the limits of a process, one thing at a time, by using it.
// Each function leaves the process as it was. For `ringside doctor`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "emu/base/check.h"

namespace ringside {

/// A memfd that cannot be resized, and a mapping of it: a domain's frame.
[[nodiscard]] Result<> try_sealed_memory();
/// An eventfd: a kick.
[[nodiscard]] Result<> try_eventfd();
/// A pair of packet sockets that passes a descriptor: hypercalls.
[[nodiscard]] Result<> try_descriptor_passing();
/// A pty: a guest's console.
[[nodiscard]] Result<> try_pty();
/// A pidfd: reports the end of a guest's process.
[[nodiscard]] Result<> try_pidfd();
/// Whether a process can become the parent of its orphaned descendants.
[[nodiscard]] Result<> try_subreaper();
/// The entries of /proc by which the processes of a domain are found.
[[nodiscard]] Result<> try_proc();
/// An inotify descriptor: reports to xenctld that a pty was opened or closed.
[[nodiscard]] Result<> try_inotify();
/// Whether the kernel has filters of system calls.
[[nodiscard]] Result<> try_seccomp();
/// Whether a process may trace its child.
[[nodiscard]] Result<> try_tracing();
/// Whether a program can be started without address randomization.
[[nodiscard]] Result<> try_fixed_addresses();
/// A file in the directory; makes missing parents, and removes what it has made.
[[nodiscard]] Result<> try_directory(const std::string& path);

/// The descriptors that a process may have, once it has raised its limit; empty: no limit.
[[nodiscard]] std::optional<std::uint64_t> descriptors_max();
/// The processes that the user may have; empty: no limit.
[[nodiscard]] std::optional<std::uint64_t> processes_max();
/// The size that a file may have; empty: no limit.
[[nodiscard]] std::optional<std::uint64_t> file_bytes_max();

/// "Linux 6.1.0", and the C library's version.
[[nodiscard]] std::string kernel_version();
[[nodiscard]] std::string libc_version();

}  // namespace ringside
