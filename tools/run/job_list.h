// The runs of a command line, generated one at a time: a range of seeds takes no more memory than a single
// seed.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "emu/base/check.h"
#include "emu/script/script.h"

namespace ringside::tools {

/// The most runs of one command.
inline constexpr std::uint64_t run_jobs_max = 1'000'000'000'000;

/// One scenario with one seed. Each job has its own machine and shares nothing with others, so any number of
/// jobs can run at the same time.
struct RunJob {
  const script::Script* script = nullptr;
  const script::Scenario* scenario = nullptr;
  std::uint64_t seed = 1;
  const script::Scenario* real = nullptr;  ///< the same run with processes, if both are to be compared
};

class JobList {
 public:
  /// Adds the runs of `first` with its seed and all later ones up to `last_seed`. False if there would be
  /// more than run_jobs_max.
  [[nodiscard]] bool add(const RunJob& first, std::uint64_t last_seed);
  /// Keeps every `parts`-th run, starting with the `part`-th, counted from 1.
  void keep_part(std::uint64_t part, std::uint64_t parts);
  /// Replaces all seeds by new ones that no run has had.
  void take_later_seeds();

  [[nodiscard]] std::uint64_t size() const;
  /// `number` is below size().
  [[nodiscard]] RunJob operator[](std::uint64_t number) const;
  /// The first run of each scenario, and whether it or a later one has `seed`. Ignores keep_part().
  [[nodiscard]] std::vector<std::pair<RunJob, bool>> with_seed(std::uint64_t seed) const;

 private:
  struct Range {
    RunJob first;
    std::uint64_t last_seed;
    std::uint64_t before;  ///< runs of the ranges before it
  };
  std::vector<Range> ranges_;
  std::uint64_t whole_ = 0;  ///< runs of all parts
  std::uint64_t part_ = 1;
  std::uint64_t parts_ = 1;
};

}  // namespace ringside::tools
