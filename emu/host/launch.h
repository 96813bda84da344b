// Starts and ends the processes of a machine: in the background, in a session of their own, with a log, a pid
// file that is locked while the process lives, and a message when they are ready.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "emu/host/linux_descriptors.h"
#include "emu/host/linux_host.h"

namespace ringside {

/// In a launched process: where it reports that it is ready, and where a domU finds its hypercall connection.
inline constexpr int ready_descriptor = 3;
inline constexpr int connection_descriptor = 4;
/// The descriptor at which a hypervisor finds the lock of the machine's directory.
inline constexpr int lock_descriptor = 5;

struct LaunchSpec {
  std::vector<std::string> arguments;    ///< of this same program
  std::vector<std::string> environment;  ///< "NAME=value" settings, besides those of this process
  std::string log_path;                  ///< its stdout and stderr, appended
  const Handle* connection = nullptr;    ///< becomes connection_descriptor
  int lock = -1;                         ///< a descriptor: becomes lock_descriptor
  bool dies_with_us = false;             ///< gets SIGKILL when the thread that started it ends in any way
  bool stopped = false;                  ///< stops at wait_for_resume(), and launch() returns when it has
  bool awaited = true;                   ///< launch() returns when it has called ready()
  std::uint64_t memory_bytes_max = 0;    ///< of its address space; 0: unlimited
};

/// Starts a process of this program. If it ends before it is ready (or, with `stopped`, before it has
/// stopped), the error carries the last line of its log.
[[nodiscard]] Result<Handle> launch(LinuxHost& host, const LaunchSpec& spec);

/// A process of this program that does work for this one, and ends with it.
struct Worker {
  Handle process;
  Handle stream;  ///< to and from its connection_descriptor, which blocks
};
/// Starts one. It prints nowhere. AddressSanitizer needs terabytes of addresses: under it, memory is not
/// limited.
[[nodiscard]] Result<Worker> launch_worker(LinuxHost& host, std::vector<std::string> arguments,
                                           std::uint64_t memory_bytes_max);

/// For the launched process, first of all: stops until SIGCONT, if it was launched with `stopped`. By then it
/// has replaced the launching process's image, and has closed the descriptors that it inherited.
void wait_for_resume();

/// From now on, descendants of this process become its children when their own parent has ended, also after
/// this process becomes another program. All processes of a domain can be found this way.
void adopt_orphans();
/// For the launched process: becomes another program, which finds its connection by RINGSIDE_CONNECTION.
/// Looks for the program first and waits for resume afterwards, so that the launching process gets the error
/// if the name does not exist. Returns only with an error.
[[nodiscard]] Error become_program(const std::vector<std::string>& arguments);
/// For the launched process: reports to the launching process that it is ready. No effect if it was not
/// launched.
void ready();

/// The path of the file that a shell would run by this name; empty if there is none.
[[nodiscard]] std::string find_program(const std::string& name);

/// The process id of this process.
[[nodiscard]] int own_number();
/// The path of this program, for running it again.
[[nodiscard]] std::string own_program();

/// A pid file. A process of a machine holds it as long as it lives.
class PidFile {
 public:
  /// EBUSY, with the process id, when a living process holds it.
  [[nodiscard]] static Result<PidFile> take(const std::string& path);
  PidFile(PidFile&& other) noexcept = default;
  PidFile& operator=(PidFile&&) = delete;
  ~PidFile();
  /// The program that this process becomes will hold it, and leave the file behind when it ends.
  [[nodiscard]] Result<> keep_after_exec();
  /// The process that holds the file at `path`; empty if none does.
  [[nodiscard]] static std::optional<int> holder(const std::string& path);

 private:
  PidFile(std::string path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  std::string path_;
  Fd fd_;
};

/// Sends SIGTERM and waits; SIGKILL after `patience_ms`. Does nothing if the process is gone already.
void end_process(int pid, int patience_ms);

/// Resumes all stopped processes in every domain of the machine, when its hypervisor can no longer do it. A
/// traced process is left to its tracer.
void wake_marked_processes(const Machine& machine);
/// Kills all processes that still run in any domain of the machine, when its hypervisor cannot do it.
void end_marked_processes(const Machine& machine);

/// An unused name under $TMPDIR or /tmp, for make_directory().
[[nodiscard]] std::string temporary_name();
/// Makes a directory with access only for its owner; EEXIST if the name is in use.
[[nodiscard]] Result<> make_directory(const std::string& path);
/// A new private directory under $TMPDIR or /tmp.
[[nodiscard]] Result<std::string> make_temporary_directory();

}  // namespace ringside
