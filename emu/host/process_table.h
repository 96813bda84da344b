// The processes of a machine, and their state at this moment, from /proc. For programs that run or watch a
// machine from outside; components do not use it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "emu/host/machine.h"

namespace ringside {

struct ProcessLine {
  int pid = 0;
  char state = '?';  ///< as in /proc
  int session = 0;
  int parent = 0;
};

/// Every living process, except this one, that has the mark in its environment, belongs to the session (0 =
/// none), is `root` (0 = none), or is a descendant of one of these. `mark` is a whole setting, or its
/// beginning up to and with its '#'. A process may change its environment and session, but its children stay
/// its descendants, and become children of the next subreaper above when it has ended.
[[nodiscard]] std::vector<ProcessLine> find_processes(const std::string& mark, int session, int root = 0);

/// As in /proc; '?': there is no such process.
[[nodiscard]] char process_state(int pid);

/// Whether a debugger, or LeakSanitizer at the process's end, has attached itself to it.
[[nodiscard]] bool is_traced(int pid);

/// Children of this process that have ended, except the `known` ones.
[[nodiscard]] std::vector<int> find_zombie_children(const std::vector<int>& known);

/// The process id of a pidfd; 0 if it is not a pidfd, or the process has ended.
[[nodiscard]] std::int32_t process_number_of(int descriptor);

/// The states of the processes of a machine, looked at one after the other.
struct ProcessLook {
  bool busy = false;                      ///< one was running, ready to run, or waiting for a disk
  std::map<int, std::uint64_t> switches;  ///< by process: how often it has gone to sleep or been preempted

  bool operator==(const ProcessLook&) const = default;
};

/// For its daemons and all processes in its domains. If two looks are equal and no process was busy, there
/// was a moment between them at which all were asleep: since then only a timer or an outside event can have
/// woken one.
[[nodiscard]] ProcessLook look_at_processes(const Machine& machine);

}  // namespace ringside
