// Selects the runs of a command line: by files, values, names, seeds and shard.
#pragma once

#include <string>
#include <vector>

#include "tools/command.h"
#include "tools/run/jobs.h"

namespace ringside::tools {

struct RunSelection {
  std::vector<std::string> paths;
  std::vector<std::string> params;  ///< NAME=VALUE
  std::string seed;
  std::string name;
  std::string tag;
  std::string shard;
  bool strict = false;  ///< warnings count as errors
  std::vector<script::Mode> modes{script::Mode::sim};
};

/// Adds FILE, --seed, -p, --name and --tag.
void add_selection(Command command, RunSelection& selection);

/// Reads all files before anything runs, and fills `plan`. Unless it returns exit_good, it has printed the
/// error. Files with errors go to plan.unreadable and do not change the return value.
[[nodiscard]] int select_jobs(const RunSelection& selection, RunPlan& plan);

/// Prints an error of the command line. Returns exit_usage.
int bad_selection(const std::string& object, const std::string& why, const std::string& advice);

}  // namespace ringside::tools
