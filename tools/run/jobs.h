// The work of `ringside run`: files become jobs, threads share the jobs, and results come back in the order
// of the jobs.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "emu/script/report.h"
#include "emu/script/script.h"
#include "tools/run/job_list.h"

namespace ringside::tools {

inline constexpr unsigned run_threads_max = 256;
/// The factor and the minimum for limits in runs with processes, unless --time-scale is given: on a busy
/// computer a process may not run for seconds.
inline constexpr double real_time_scale = 50;
inline constexpr Duration real_limit_min = std::chrono::seconds(10);
/// The most results that wait for an earlier result.
inline constexpr std::size_t run_results_waiting_max = 1024;
using script::plain_seed;

/// A file that was named but does not parse.
struct UnreadableFile {
  std::string path;
  std::uint32_t line = 0;   ///< line of the first error; 0: it has none
  std::string first = {};   ///< the first error, in one line
  std::string report = {};  ///< all errors
};

/// Everything that was read. It must outlive the jobs.
struct RunPlan {
  std::deque<script::Script> scripts;
  std::deque<std::vector<script::Scenario>> scenarios;  ///< of each script
  JobList jobs;
  std::vector<UnreadableFile> unreadable;
  std::size_t only_simulated = 0;  ///< runs left out because processes cannot carry them out
};

/// Recorded choices, to be repeated instead of drawing from a seed.
struct Tape {
  Choice::Tape order;    ///< choices of the order in `together` blocks
  Choice::Tape choices;  ///< choices of the machine
};
[[nodiscard]] Result<Tape> read_tape(const std::string& path);
[[nodiscard]] Result<> write_tape(const std::string& path, const Tape& tape);

/// Where runs write something: a folder, in which each run has its own file, or one file. Empty: nowhere.
struct RunPlace {
  std::string path = {};
  bool is_file = false;

  [[nodiscard]] bool wanted() const { return !path.empty(); }
};

struct RunJobOptions {
  std::string out = "out";  ///< the folder for journals of failed runs
  std::string keep_failed =
      {};  ///< each failed run gets a folder in this one, instead of a journal in `out`; empty: none
  /// Multiplies the limits of expectations. The limits in scenarios are for a simulated machine, which needs
  /// almost no time.
  std::optional<double> time_scale;
  std::chrono::duration<double> timeout{60};
  bool twice = false;
  bool strict = false;         ///< a warning is a failure
  bool keep_journals = false;  ///< also of runs that passed
  RunPlace journal;            ///< journals of all runs, instead of `out`
  RunPlace html;               ///< replay pages
  RunPlace pcap;               ///< captures
  bool update = false;         ///< golden journals are written, not compared
  const Tape* replay = nullptr;
  std::string replay_path;  ///< the file of `replay`
};

struct RunResult {
  script::Outcome outcome = script::Outcome::passed;
  std::string report;  ///< the failures; empty if the run passed
  std::string warnings;
  std::string first;    ///< the first error, in one line
  std::string journal;  ///< the path of its journal file
  std::string golden;   ///< the text of its golden journal, to be written; else empty
  std::size_t judged = 0;
  std::size_t failures = 0;
  std::size_t entries = 0;
  std::uint64_t hash = 0;
  Duration virtual_time{0};
  std::chrono::duration<double> took{0};
  Tape tape;
};

struct Performed {
  script::RunRecord record;
  Choice::Tape choices;  ///< choices of the machine
};
/// Carries out the run of job.scenario. Writes and reports nothing.
[[nodiscard]] Performed perform(const RunJob& job, const RunJobOptions& options);
/// Runs one job completely. Empty if a signal arrived (RunInterruption).
[[nodiscard]] std::optional<RunResult> run_job(const RunJob& job, const RunJobOptions& options);

/// Runs all jobs on `threads` threads, and calls `done` for each in their order, from the calling thread.
/// Ends early when `done` returns false, or when a signal arrives: `done` is then still called for the jobs
/// that have ended.
void run_jobs(const JobList& jobs, const RunJobOptions& options, unsigned threads,
              const std::function<bool(std::uint64_t number, const RunResult& result)>& done);

}  // namespace ringside::tools
