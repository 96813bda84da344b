// What `ringside run` has to do, and doing it: files become jobs, jobs are shared out among threads, results
// come back in the order of the jobs.
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
/// Limits with processes, unless somebody says how long they are: a process may stand still for seconds when
/// the computer has other things to do.
inline constexpr double real_time_scale = 50;
inline constexpr Duration real_limit_min = std::chrono::seconds(10);
/// Results that are kept for those before them, while a run takes long.
inline constexpr std::size_t run_results_waiting_max = 1024;
/// The seed that stands for the plain order of things.
inline constexpr std::uint64_t plain_seed = 1;

/// A file that was named and is no scenario.
struct UnreadableFile {
  std::string path;
  std::uint32_t line = 0;   ///< of the first error; 0: it has no line
  std::string first = {};   ///< the first error, in one line
  std::string report = {};  ///< all of them
};

/// All that was read, for as long as there are jobs.
struct RunPlan {
  std::deque<script::Script> scripts;
  std::deque<std::vector<script::Scenario>> scenarios;  ///< of each script
  JobList jobs;
  std::vector<UnreadableFile> unreadable;
  std::size_t only_simulated = 0;  ///< runs left out because no real machine can do what they say
};

/// Choices to be made again, in place of drawing from a seed.
struct Tape {
  Choice::Tape order;    ///< of what happens `together`
  Choice::Tape choices;  ///< of the machine
};
[[nodiscard]] Result<Tape> read_tape(const std::string& path);
[[nodiscard]] Result<> write_tape(const std::string& path, const Tape& tape);

/// Where each run leaves something: a folder, where it has a file of its own, or one file. Empty: nowhere.
struct RunPlace {
  std::string path = {};
  bool is_file = false;

  [[nodiscard]] bool wanted() const { return !path.empty(); }
};

struct RunJobOptions {
  std::string out = "out";       ///< where failed runs leave their journals
  std::string keep_failed = {};  ///< where they leave a folder each, in place of that; empty: nowhere
  /// Of the limits of expectations. Those of processes stand for what a simulated machine needs, which is
  /// next to nothing.
  std::optional<double> time_scale;
  std::chrono::duration<double> timeout{60};
  bool twice = false;
  bool strict = false;         ///< a warning is a failure
  bool keep_journals = false;  ///< of good runs too
  RunPlace journal;            ///< of every run, in place of `out`
  RunPlace html;               ///< replay pages
  RunPlace pcap;               ///< captures
  bool update = false;         ///< golden journals are made, and not compared
  const Tape* replay = nullptr;
  std::string replay_path;  ///< where that came from
};

struct RunResult {
  script::Outcome outcome = script::Outcome::passed;
  std::string report;  ///< failures; empty for a good run
  std::string warnings;
  std::string first;    ///< the first thing that is wrong, in one line
  std::string journal;  ///< the file it was left in
  std::string golden;   ///< what is to be kept of it; empty: nothing
  std::size_t judged = 0;
  std::size_t failures = 0;
  std::size_t entries = 0;
  std::uint64_t hash = 0;
  Duration virtual_time{0};
  std::chrono::duration<double> took{0};
  Tape tape;
};

struct Performed {
  script::Story story;
  Choice::Tape choices;  ///< of the machine
};
/// The run itself, of job.scenario, with nothing left behind and nothing told.
[[nodiscard]] Performed perform(const RunJob& job, const RunJobOptions& options);
/// Runs one job from its beginning to its end. Nothing: a signal came first (RunInterruption).
[[nodiscard]] std::optional<RunResult> run_job(const RunJob& job, const RunJobOptions& options);

/// Runs all, on so many threads, and calls `done` for each in their order, from the calling thread. It ends
/// early when `done` answers false, and when a signal comes: `done` is then called for those that had ended.
void run_jobs(const JobList& jobs, const RunJobOptions& options, unsigned threads,
              const std::function<bool(std::uint64_t number, const RunResult& result)>& done);

}  // namespace ringside::tools
