// One thing to try with one ring under one model, and what came of it. A job runs in a process of its own:
// ring code may crash or never come back, and that is a finding like any other.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "emu/check/explore.h"
#include "emu/check/usage.h"
#include "tools/ring_check/plugin.h"

namespace ringside::tools {

enum class RingTask : std::uint8_t {
  explore,      ///< every interleaving of a workload under a model
  conformance,  ///< what any ring must do under one thread
  audit,        ///< is every access announced, to the page or to what tests' threads share
  random,       ///< many messages under one thread, calls in random order
  threads,      ///< two real threads, for a while
};

/// Where a search ends that is not through. The same on every machine.
struct SearchLimit {
  std::uint64_t executions = ~std::uint64_t{0};
  std::uint64_t steps = ~std::uint64_t{0};  ///< of all executions together: what they cost
  [[nodiscard]] bool is_reached() const { return executions == 0 || steps == 0; }
};

struct RingJob {
  RingTask task = RingTask::explore;
  const RingPlugin* plugin = nullptr;
  check::Workload
      workload;  ///< of random: how many messages; start is the seed. Of threads: start is how many ms
  check::ModelName model = check::ModelName::sc;
  std::uint32_t bound = check::unbounded;
  /// Messages are added until each place in the slots is written twice and read twice; `workload.messages` is
  /// where that begins.
  bool until_used_again = false;
  /// Of the search at most. One that is longer is followed by those with a bound of 0, 1, 2 ..., which have
  /// together the other limit.
  SearchLimit limit;
  SearchLimit limit_of_bounded;

  /// "SC exchange of 3 messages", with where it starts unless that is 0.
  [[nodiscard]] std::string what() const;
};

enum class RingOutcome : std::uint8_t {
  whole,      ///< nothing is wrong in any execution
  bounded,    ///< nothing is wrong in those with `bound` deviations at most
  stopped,    ///< nothing was wrong when time was up
  failed,     ///< the ring is wrong; there is a report
  could_not,  ///< it could not be tried
};

struct RingVerdict {
  RingOutcome outcome = RingOutcome::could_not;
  std::uint64_t executions = 0;
  std::uint64_t redundant = 0;
  std::uint64_t steps = 0;
  double seconds = 0;
  std::uint32_t messages = 0;         ///< of the workload as it was in the end; 0: as it was planned
  std::optional<check::Usage> usage;  ///< of an exchange: what the search covers at least
  std::uint32_t bound = 0;            ///< of bounded
  bool was_limited = false;  ///< the limit has ended the search, or one with a bound that came after it
  /// What the model allows and the search has not tried: a weak compare-exchange that fails without a reason,
  bool hides_failures = false;
  /// and load buffering: "ring.c:12 reads x and ring.c:14 writes y after it", each pair.
  std::vector<std::string> buffering;
  [[nodiscard]] bool has_gap() const { return hides_failures || !buffering.empty(); }
  std::string note;     ///< what the user of a right ring has to know; one line, may be empty
  std::string why;      ///< of failed and could_not: one line
  std::string replay;   ///< of failed: for --replay; may be empty
  std::string report;   ///< of failed: the steps, in columns
  std::string journal;  ///< of failed: the same as a journal file
};

/// Of a job, what its ends share and a schedule; and back.
[[nodiscard]] std::string replay_text(const RingJob& job, const std::string& places,
                                      const check::Schedule& schedule);
struct RingReplay {
  RingJob job;         ///< without a plug-in
  std::string places;  ///< the memory that is shared beside the page (see places.h)
  check::Schedule schedule;
};
[[nodiscard]] Result<RingReplay> replay_from(const std::string& text);

/// In this process. `deadline`: when to stop. If the ring crashes or hangs, so does the caller (see
/// run_ring_jobs).
[[nodiscard]] RingVerdict try_ring(const RingJob& job, std::chrono::steady_clock::time_point deadline);
/// One execution, with its steps.
[[nodiscard]] RingVerdict replay_ring(const RingJob& job, const std::string& places,
                                      const check::Schedule& schedule);
/// What the current try has come to, for who finds that it never will come back: "A12B3", or "".
[[nodiscard]] std::string schedule_of_current_try();
[[nodiscard]] std::string places_of_current_try();
[[nodiscard]] std::uint32_t messages_of_current_try();
/// How far the current try is; ring code hangs when it runs and this stands still.
struct RingProgress {
  bool runs_ring_code = false;
  std::uint64_t begun = 0;  ///< how often ring code has been begun with
  std::uint64_t steps = 0;
  bool operator==(const RingProgress&) const = default;
};
[[nodiscard]] RingProgress progress_of_current_try();

}  // namespace ringside::tools
