// Where the units of a sweep are done: on the cores of this machine, on hosts by ssh, or on a cluster. xargs,
// GNU parallel and Slurm do the scheduling.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "emu/base/check.h"

namespace ringside::tools {

struct SweepEngine {
  enum class Kind : std::uint8_t { local, parallel, slurm, list } kind = Kind::local;
  std::string where;  ///< hosts, or a partition
  unsigned jobs = 0;  ///< at the same time, for local; 0: the number of cores

  /// "local", "parallel:host1,host2", "slurm:PARTITION", "list"
  [[nodiscard]] static Result<SweepEngine> in(const std::string& text, unsigned jobs);
};

/// Has the units done by `engine`, and waits. `line` gets each line that its programs print: "unit 7" when
/// that unit is done, otherwise an error. The engine is ended when `line` returns false or a signal arrives.
/// Returns the number of the signal, or 0. `last_try`: as for do_unit().
[[nodiscard]] Result<int> do_units(const SweepEngine& engine, const std::string& sweep,
                                   const std::vector<std::string>& units, bool last_try,
                                   const std::function<bool(const std::string& line)>& line);

}  // namespace ringside::tools
