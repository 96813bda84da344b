// --shard N/OF: the part of the work that one of several machines does.
#pragma once

#include <cerrno>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "emu/base/check.h"

namespace ringside::tools {

struct Shard {
  unsigned part = 0;  ///< from 1
  unsigned parts = 0;
};

/// Parses "N/OF". `what` begins the error: "cannot run".
[[nodiscard]] inline Result<Shard> shard_in(const std::string& what, const std::string& shard) {
  Shard its;
  int read = 0;
  if (std::sscanf(shard.c_str(), "%u/%u%n", &its.part, &its.parts, &read) != 2 ||
      static_cast<std::size_t>(read) != shard.size() || its.part == 0 || its.part > its.parts)
    return Error{EINVAL, what, "--shard " + shard, "it is not a part N/OF", "--shard 1/4 to --shard 4/4"};
  return its;
}

/// Keeps every OF-th of `jobs`, starting with the N-th.
template <typename Job>
[[nodiscard]] Result<> keep_shard(const std::string& what, const std::string& text, std::vector<Job>& jobs) {
  auto shard = shard_in(what, text);
  if (!shard) return shard.error();
  std::vector<Job> kept;
  for (std::size_t at = shard->part - 1; at < jobs.size(); at += shard->parts) kept.push_back(jobs[at]);
  jobs = std::move(kept);
  return Done{};
}

/// Outcomes of a ring's search, in JSON: all executions hold, or all those of one part (RingJob::part).
inline constexpr char whole_word[] = "all";
inline constexpr char part_word[] = "part";

/// Why the parts of a ring's search (RingJob::part) are no proof.
inline constexpr char parts_differ[] =
    "its parts do not divide the same search: they found different shared memory, or the time was over "
    "(check it without "
    "--parts)";

}  // namespace ringside::tools
