// One check of one ring under one model, and its result. A job runs in a separate process: ring code may
// crash or never return, and that is a failure of the ring.
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
  audit,        ///< whether every access to the page, or to the shared memory of tests, is announced
  random,       ///< many messages under one thread, calls in random order
  threads,      ///< two real threads, for a while
};

/// Where an incomplete search ends. It is the same on every machine.
struct SearchLimit {
  std::uint64_t executions = ~std::uint64_t{0};
  std::uint64_t steps = ~std::uint64_t{0};  ///< of all executions together: their cost
  [[nodiscard]] bool is_reached() const { return executions == 0 || steps == 0; }
};

struct RingJob {
  RingTask task = RingTask::explore;
  const RingPlugin* plugin = nullptr;
  check::Workload workload;  ///< of random: the number of messages; start is the seed. Of threads: start is
                             ///< the time in ms
  check::ModelName model = check::ModelName::sc;
  std::uint32_t bound = check::unbounded;
  /// Messages are added until each place in the slots is written twice and read twice; `workload.messages` is
  /// the first number that is tried.
  bool until_used_again = false;
  /// The limit of the search. A search that reaches it is followed by searches with a bound of 0, 1, 2 ...,
  /// which share the other limit.
  SearchLimit limit;
  SearchLimit limit_of_bounded;
  /// Of a search without a bound: its part, numbers from 0 on. The search chooses the depths.
  check::PartOfPart part;
  /// Of a search that can be divided while it runs: it tells when it does (SearchCounts::is_searching).
  bool tells_search = false;
  /// Of a part: the limit of executions is that of all parts together, which count in one place.
  bool shares_limit = false;
  /// Of a part: the shared memory that the search knew when it was divided (places.h). Empty: the part must
  /// learn of it.
  std::optional<std::string> places = std::nullopt;
  /// The search has ended at its limit: only the searches with a bound are left.
  bool has_only_bounds = false;
  std::string number;  ///< "12of57": its place in the whole plan

  [[nodiscard]] bool is_part() const { return !part.empty(); }
  /// The whole search of a part.
  [[nodiscard]] RingJob whole() const;
  /// "SC exchange of 3 messages", and the start unless it is 0.
  [[nodiscard]] std::string what() const;
};

enum class RingOutcome : std::uint8_t {
  whole,      ///< no execution has an error
  bounded,    ///< no execution with at most `bound` deviations has an error
  stopped,    ///< no error was found before the limit
  failed,     ///< the ring is wrong; there is a report
  could_not,  ///< it could not be tried
};

struct RingVerdict {
  RingOutcome outcome = RingOutcome::could_not;
  std::uint64_t executions = 0;
  std::uint64_t redundant = 0;
  std::uint64_t steps = 0;
  double seconds = 0;
  std::uint32_t messages = 0;         ///< of the workload in the end; 0: as planned
  std::optional<check::Usage> usage;  ///< of an exchange: the minimum that the search covers
  std::uint32_t bound = 0;            ///< of bounded
  bool was_limited = false;           ///< the limit has ended the search
  bool is_too_large = false;          ///< its steps have ended it: its parts may end
  /// The model allows a weak compare-exchange that fails without a reason, and the search has not tried it.
  bool hides_failures = false;
  /// Load buffering that the search has not tried: "ring.c:12 reads x and ring.c:14 writes y after it", each
  /// pair.
  std::vector<std::string> buffering;
  /// How a part of a search was divided from the others: by the orders of so many steps, "7" or "7.15" for a
  /// part of a part, and with that shared memory (places.h). Parts with different texts are not parts of the
  /// same search.
  std::string division;
  std::uint32_t parts = 1;  ///< into which the search was divided while it ran
  [[nodiscard]] bool has_gap() const { return hides_failures || !buffering.empty(); }
  std::string note;     ///< what callers of a correct ring must know; one line, may be empty
  std::string why;      ///< of failed and could_not: one line
  std::string replay;   ///< of failed: for --replay; may be empty
  std::string report;   ///< of failed: the steps, in columns
  std::string page;     ///< of failed: the data of its page (counterexample_page.h)
  std::string journal;  ///< of failed: the same as a journal file
};

/// The string for --replay from a job, its shared memory and a schedule; and the reverse.
[[nodiscard]] std::string replay_text(const RingJob& job, const std::string& places,
                                      const check::Schedule& schedule);
struct RingReplay {
  RingJob job;         ///< without a plug-in
  std::string places;  ///< the shared memory outside the page (see places.h)
  check::Schedule schedule;
};
[[nodiscard]] Result<RingReplay> replay_from(const std::string& text);

/// Runs the job in this process, until `deadline`. If the ring crashes or hangs, so does the caller (see
/// run_ring_jobs).
[[nodiscard]] RingVerdict try_ring(const RingJob& job, std::chrono::steady_clock::time_point deadline);
/// Runs one execution, and reports its steps.
[[nodiscard]] RingVerdict replay_ring(const RingJob& job, const std::string& places,
                                      const check::Schedule& schedule);
/// The state of the current try, for the watchdog of code that does not return: "A12B3", or "".
[[nodiscard]] std::string schedule_of_current_try();
[[nodiscard]] std::string places_of_current_try();
[[nodiscard]] std::uint32_t messages_of_current_try();
/// The progress of the current try; ring code hangs if it runs and this does not change.
struct RingProgress {
  bool runs_ring_code = false;
  std::uint64_t begun = 0;  ///< how often ring code has been started
  std::uint64_t steps = 0;
  bool operator==(const RingProgress&) const = default;
};
[[nodiscard]] RingProgress progress_of_current_try();

}  // namespace ringside::tools
