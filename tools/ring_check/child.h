// A separate process that tries a ring, under a watchdog, and sends its verdict: a ring that crashes or hangs
// ends only this process.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "tools/ring_check/job.h"
#include "tools/ring_check/search.h"

namespace ringside::tools {

/// Counts in memory that this process shares with its children.
class SharedCounts {
 public:
  SharedCounts();
  ~SharedCounts();
  SharedCounts(SharedCounts&& from) noexcept;
  SharedCounts& operator=(SharedCounts&& from) noexcept;
  SharedCounts(const SharedCounts&) = delete;
  SharedCounts& operator=(const SharedCounts&) = delete;

  /// Null: there is no memory for them.
  [[nodiscard]] SearchCounts* get() const { return counts_; }

 private:
  SearchCounts* counts_ = nullptr;
};

class RingChild {
 public:
  /// Starts a child that calls `what`, counts its searches, and sends its verdict. `counts` may be null.
  [[nodiscard]] static RingChild start(const RingJob& job, SearchCounts* counts,
                                       const std::function<RingVerdict()>& what);
  /// False: there is no process, and errno is why.
  [[nodiscard]] bool has_started() const { return process_ >= 0; }
  /// Readable when read() would not wait.
  [[nodiscard]] int verdict_from() const { return verdict_from_; }
  /// Reads of its verdict. False: there is no more, and finish() returns at once.
  [[nodiscard]] bool read();
  void kill() const;
  /// Waits for its end. A child without a verdict has failed.
  [[nodiscard]] RingVerdict finish();

 private:
  pid_t process_ = -1;
  int verdict_from_ = -1;
  std::string text_;
};

/// The verdict of a job without a process. The reason is `why` and errno.
[[nodiscard]] RingVerdict no_process(const char* why = "no process can be started");

/// One execution, also in a separate process.
[[nodiscard]] RingVerdict replay_in_child(const RingReplay& replay);

}  // namespace ringside::tools
