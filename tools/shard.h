// --shard N/OF: the work of one of several machines.
#pragma once

#include <cerrno>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "emu/base/check.h"

namespace ringside::tools {

/// Keeps every OF-th of `jobs`, beginning with the N-th. `what` begins the error: "cannot run".
template <typename Job>
[[nodiscard]] Result<> keep_shard(const std::string& what, const std::string& shard, std::vector<Job>& jobs) {
  unsigned part = 0;
  unsigned parts = 0;
  int read = 0;
  if (std::sscanf(shard.c_str(), "%u/%u%n", &part, &parts, &read) != 2 ||
      static_cast<std::size_t>(read) != shard.size() || part == 0 || part > parts)
    return Error{EINVAL, what, "--shard " + shard, "it is a part of how many", "--shard 1/4 to --shard 4/4"};
  std::vector<Job> kept;
  for (std::size_t at = part - 1; at < jobs.size(); at += parts) kept.push_back(jobs[at]);
  jobs = std::move(kept);
  return Done{};
}

}  // namespace ringside::tools
