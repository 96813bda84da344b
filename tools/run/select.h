// Which runs a command line means: its files, values, names, seeds and its share of them.
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

/// FILE, --seed, -p, --name, --tag.
void add_selection(Command command, RunSelection& selection);

/// Reads all files before anything runs; fills `plan`. Has said what is wrong unless it answers exit_good.
/// Files with errors are in plan.unreadable, and are no reason for another answer.
[[nodiscard]] int select_jobs(const RunSelection& selection, RunPlan& plan);

/// Says what is wrong with a command line; answers exit_usage.
int bad_selection(const std::string& object, const std::string& why, const std::string& advice);

}  // namespace ringside::tools
