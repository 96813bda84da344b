// A sweep: a command whose work is divided into units. Any machine can do a unit, and may do it again.
//
// The folder of a sweep has `plan`, this class as a text, and the results of each finished unit in a file of
// its own. A unit's file has its final name only when it is complete.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "emu/base/check.h"

namespace ringside::tools {

inline constexpr std::uint64_t sweep_units_max = 100'000;

struct SweepPlan {
  std::vector<std::string> command;  ///< "run", "scenarios", "--seed", "1..1000"
  std::string id;                    ///< of the command, what its files contain, and the version
  std::string version;               ///< of this program, with its commit
  std::uint64_t units = 0;
  std::string folder;  ///< absolute: where the command's paths begin

  /// Makes a plan without `units`. Fails if the command is neither `run` nor `ring-check`.
  [[nodiscard]] static Result<SweepPlan> of(const std::vector<std::string>& command);
  /// Reads the plan of a sweep's folder. ENOENT: there is none.
  [[nodiscard]] static Result<SweepPlan> read(const std::string& sweep);
  [[nodiscard]] Result<> write(const std::string& sweep) const;

  /// The command of one unit, for a shell: with its shard, and results as JSON. `out`: a folder for what the
  /// command leaves of failures, which the report replaces.
  [[nodiscard]] std::string shell_command(std::uint64_t unit, std::uint64_t of, const std::string& out) const;
};

/// "7/100": the 7th of 100.
[[nodiscard]] std::string unit_file(const std::string& sweep, std::uint64_t unit);

/// Does one unit, and writes its file. Does nothing if the file exists. `last_try`: a run that could not be
/// made is a result; otherwise it is an error, because it may succeed elsewhere.
[[nodiscard]] Result<> do_unit(const std::string& sweep, const SweepPlan& plan, std::uint64_t unit,
                               bool last_try);

/// Removes what workers that were killed have left in the folder. No worker may run.
void remove_work(const std::string& sweep);

/// Units of about this length: long beside the start of a process, short beside a whole sweep.
inline constexpr double unit_seconds = 60;
/// How many units the plan's command makes. Runs a sample of it, for some seconds.
[[nodiscard]] Result<std::uint64_t> measure_units(const SweepPlan& plan, double seconds_per_unit);

}  // namespace ringside::tools
