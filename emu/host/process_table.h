// Which processes a machine has, and what they do at this moment, as /proc tells it. For whoever runs or
// watches a machine from outside; no component asks this.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "emu/host/machine.h"

namespace ringside {

struct ProcessLine {
  int pid = 0;
  char state = '?';  ///< as /proc has it
  int session = 0;
  int parent = 0;
};

/// Every living process, ourselves left out, that carries the mark in its environment, belongs to the session
/// (0 = none), is `root` (0 = none), or descends from one of these. `mark` is a whole setting, or one up to
/// and with its '#'. Whatever a process does to its environment and session, its children descend from it,
/// and from the next subreaper above once it has ended.
[[nodiscard]] std::vector<ProcessLine> find_processes(const std::string& mark, int session, int root = 0);

/// Children of this process that have ended, apart from `known` ones.
[[nodiscard]] std::vector<int> find_zombie_children(const std::vector<int>& known);

/// The number of the process whose pidfd this is; 0 if it is none, or the process has ended.
[[nodiscard]] std::int32_t process_number_of(int descriptor);

/// What the processes of a machine did when they were looked at, one after the other.
struct ProcessLook {
  bool busy = false;                      ///< one was running, about to, or waiting for a disk
  std::map<int, std::uint64_t> switches;  ///< by process: how often it has gone to sleep or been interrupted

  bool operator==(const ProcessLook&) const = default;
};

/// Of its daemons and of everything in its domains. Two equal looks at which nobody was busy mean that
/// between them there was a moment at which all were asleep: since then only a timer or somebody outside can
/// have woken one.
[[nodiscard]] ProcessLook look_at_processes(const Machine& machine);

}  // namespace ringside
