// A sweep: a command whose work is divided into units. Any machine can do a unit, and may do it again.
//
// The folder of a sweep has `plan`, this class as a text, and the results of each finished unit in a file of
// its own. A unit's file has its final name only when it is complete.
//
// A search of ring-check that does not end within a unit is replaced by parts of it, which are units, too.
// Which there are follows from the units' results alone, so that the same command continues anywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "emu/base/check.h"

namespace ringside::tools {

inline constexpr std::uint64_t sweep_units_max = 100'000;

/// A search that is too large for a unit has so many parts. More would be small units; fewer would be divided
/// again, and the time until then is lost.
inline constexpr std::uint32_t unit_parts = 64;
/// How often a part is divided. A search of more than 64 x 64 x 64 units has no end that anyone waits for.
inline constexpr std::size_t unit_parts_deep_max = 3;

/// Its name is "7", for every N-th job or run from the 7th on. Of a search that was too large: "12of57.3" is
/// the 3rd part of the 12th job, and "12of57.3.5" the 5th part of that part.
struct SweepUnit {
  std::uint64_t number = 0;
  std::uint64_t of = 0;
  std::vector<std::uint32_t> part;  ///< from 1

  /// `units`: the number of those that are no parts. Empty: there is no such unit.
  [[nodiscard]] static std::optional<SweepUnit> named(const std::string& name, std::uint64_t units);
};

struct SweepPlan {
  std::vector<std::string> command;  ///< "run", "scenarios", "--seed", "1..1000"
  std::string id;                    ///< of the command, what its files contain, and the version
  std::string version;               ///< of this program, with its commit
  std::uint64_t units = 0;           ///< without parts of searches
  std::uint64_t steps = 0;           ///< of a search in a unit, at most
  std::string folder;                ///< absolute: where the command's paths begin

  /// Makes a plan without `units`. Fails if the command is neither `run` nor `ring-check`.
  [[nodiscard]] static Result<SweepPlan> of(const std::vector<std::string>& command);
  /// Reads the plan of a sweep's folder. ENOENT: there is none.
  [[nodiscard]] static Result<SweepPlan> read(const std::string& sweep);
  [[nodiscard]] Result<> write(const std::string& sweep) const;

  /// The command of one unit, for a shell: with its shard, and results as JSON. `out`: a folder for what the
  /// command leaves of failures, which the report replaces.
  [[nodiscard]] std::string shell_command(const SweepUnit& unit, const std::string& out) const;
};

[[nodiscard]] std::string unit_file(const std::string& sweep, const std::string& unit);

/// Does one unit, and writes its file. Does nothing if the file exists. `last_try`: a run that could not be
/// made is a result; otherwise it is an error, because it may succeed elsewhere.
[[nodiscard]] Result<> do_unit(const std::string& sweep, const SweepPlan& plan, const std::string& unit,
                               bool last_try);

/// Removes what workers that were killed have left in the folder. No worker may run.
void remove_work(const std::string& sweep);

/// Units of about this length: long beside the start of a process, short beside a whole sweep.
inline constexpr double unit_seconds = 60;
/// A search makes about so many steps in a second. Its end in a unit is a number of steps, so that the units
/// are the same on every machine.
inline constexpr double steps_per_second = 5'000'000;
/// How many units the plan's command makes. Runs a sample of it, for some seconds.
[[nodiscard]] Result<std::uint64_t> measure_units(const SweepPlan& plan, double seconds_per_unit);

}  // namespace ringside::tools
