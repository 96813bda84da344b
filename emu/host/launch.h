// Starting and ending the processes of a machine: in the background, in a session of their own, with a log, a
// pid file that is locked for as long as its process lives, and a word when they are ready.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "emu/host/linux_descriptors.h"
#include "emu/host/linux_host.h"

namespace ringside {

/// In a launched process: where it says that it is ready, and where a domU finds its hypercall connection.
inline constexpr int ready_descriptor = 3;
inline constexpr int connection_descriptor = 4;
/// Where a hypervisor finds the lock of the machine's directory.
inline constexpr int lock_descriptor = 5;

struct LaunchSpec {
  std::vector<std::string> arguments;    ///< of this same program
  std::vector<std::string> environment;  ///< "NAME=value" settings beyond our own
  std::string log_path;                  ///< its stdout and stderr, appended
  const Handle* connection = nullptr;    ///< becomes connection_descriptor
  int lock = -1;                         ///< a descriptor: becomes lock_descriptor
  bool dies_with_us = false;  ///< gets SIGKILL when the thread that started it ends, however it ends
  bool stopped = false;       ///< stops at wait_for_resume(), and launch() returns when it has
  bool awaited = true;        ///< launch() returns when it has said ready()
};

/// Starts a process of this program. If it ends without saying that it is ready, or without stopping where it
/// was to stop, the error carries its last words.
[[nodiscard]] Result<Handle> launch(LinuxHost& host, const LaunchSpec& spec);

/// For the launched process, first of all: stops until somebody sends SIGCONT, if it was launched so. It is
/// its own program by then, and holds nothing of the launcher's.
void wait_for_resume();

/// From here on what descends from this process is its child once its own parent has ended, also when this
/// process becomes another program. Who wants to find all of a domain finds it by this.
void adopt_orphans();
/// For the launched process: becomes another program, which finds its connection by RINGSIDE_CONNECTION.
/// Looks for it first and then waits for resume, so that a name that does not exist is said to the launcher.
/// Returns only with an error.
[[nodiscard]] Error become_program(const std::vector<std::string>& arguments);
/// For the launched process: tells whoever launched it. Nothing happens when nobody did.
void ready();

/// This process's number.
[[nodiscard]] int own_number();
/// The program's own file, for running it again.
[[nodiscard]] std::string own_program();

/// Held by a process of a machine as long as it lives.
class PidFile {
 public:
  /// EBUSY, with its number, when a living process holds it.
  [[nodiscard]] static Result<PidFile> take(const std::string& path);
  PidFile(PidFile&& other) noexcept = default;
  PidFile& operator=(PidFile&&) = delete;
  ~PidFile();
  /// The process that holds the file at `path`; nothing if none does.
  [[nodiscard]] static std::optional<int> holder(const std::string& path);

 private:
  PidFile(std::string path, Fd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  std::string path_;
  Fd fd_;
};

/// Sends SIGTERM and waits; SIGKILL after `patience_ms`. A process that is gone already is fine.
void end_process(int pid, int patience_ms);

/// Sets going whatever stands still in any domain of the machine, for when its hypervisor cannot any more.
void wake_marked_processes(const Machine& machine);
/// Kills whatever still runs in any domain of the machine, for when its hypervisor could not.
void end_marked_processes(const Machine& machine);

/// A name under $TMPDIR or /tmp that nothing has yet, for make_directory().
[[nodiscard]] std::string temporary_name();
/// Makes a directory that only its user may enter; EEXIST if there is something of that name.
[[nodiscard]] Result<> make_directory(const std::string& path);
/// A new private directory under $TMPDIR or /tmp.
[[nodiscard]] Result<std::string> make_temporary_directory();

}  // namespace ringside
