// Starts children, each with a pipe for its verdict. In a child, a watchdog observes the ring: handlers for
// fatal signals, and an alarm that checks for progress.
#include "tools/ring_check/children.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <new>
#include <optional>
#include <sstream>

#include "tools/ring_check/calls.h"
#include "tools/ring_check/search.h"

namespace ringside::tools {

namespace {

using Clock = std::chrono::steady_clock;

/// Ring code that computes this long without a step hangs: between two accesses it takes microseconds.
constexpr std::chrono::seconds busy_without_a_step(3);
/// One thread needs much less than this for a function of the ring.
constexpr std::chrono::seconds busy_of_one_thread(10);
/// Ring code counts as blocked if in this time it neither runs nor waits for a processor. The ticks
/// themselves take less than awake_while_blocked.
constexpr int seconds_blocked = 10;
constexpr std::chrono::milliseconds awake_while_blocked(300);
/// The time that a job has after the budget. Ring code ends one execution in less time.
constexpr std::chrono::seconds grace(15);
constexpr std::chrono::milliseconds shortest_poll(100);
/// How often progress is reported.
constexpr std::chrono::milliseconds progress_interval(200);
constexpr std::chrono::milliseconds a_day = std::chrono::hours(24);
constexpr std::size_t signal_stack_bytes = std::size_t{64} * 1024;

constexpr std::string_view outcome_names[] = {"whole", "bounded", "stopped", "failed", "could_not"};

// -- the verdict as text, from the child to its parent

std::string to_text(const check::Usage& usage) {
  return fmt::format("usage {} {} {} {} {} {}\n", usage.places, usage.once, usage.slots_unused,
                     static_cast<int>(usage.full), static_cast<int>(usage.empty),
                     static_cast<int>(usage.wrapped));
}

check::Usage usage_in(const std::string& text) {
  check::Usage usage;
  std::istringstream(text) >> usage.places >> usage.once >> usage.slots_unused >> usage.full >> usage.empty >>
      usage.wrapped;
  return usage;
}

std::string to_text(const RingVerdict& verdict) {
  // A ring may fail with any text; it becomes one line here.
  std::string why = verdict.why;
  std::replace(why.begin(), why.end(), '\n', ' ');
  std::string buffering;
  for (const std::string& each : verdict.buffering) buffering += "buffering " + each + "\n";
  return fmt::format(
      "outcome {}\nexecutions {}\nredundant {}\nsteps {}\nseconds {}\nbound {}\nwas_limited {}\n"
      "is_too_large {}\nmessages {}\n{}"
      "hides_failures {}\n{}division {}\nnote {}\nwhy {}\nreplay {}\npage {}\n{}\nreport {}\n{}journal\n{}",
      outcome_names[static_cast<std::size_t>(verdict.outcome)], verdict.executions, verdict.redundant,
      verdict.steps, verdict.seconds, verdict.bound, static_cast<int>(verdict.was_limited),
      static_cast<int>(verdict.is_too_large), verdict.messages, verdict.usage ? to_text(*verdict.usage) : "",
      static_cast<int>(verdict.hides_failures), buffering, verdict.division, verdict.note, why,
      verdict.replay, verdict.page.size(), verdict.page, verdict.report.size(), verdict.report,
      verdict.journal);
}

RingVerdict from_text(const std::string& text) {
  RingVerdict verdict;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t space = std::min(line.find(' '), line.size());
    const std::string key = line.substr(0, space);
    const std::string value = line.substr(std::min(space + 1, line.size()));
    if (key == "outcome") {
      const auto* const at = std::find(std::begin(outcome_names), std::end(outcome_names), value);
      if (at != std::end(outcome_names))
        verdict.outcome = static_cast<RingOutcome>(at - std::begin(outcome_names));
    } else if (key == "executions") {
      verdict.executions = std::strtoull(value.c_str(), nullptr, 10);
    } else if (key == "redundant") {
      verdict.redundant = std::strtoull(value.c_str(), nullptr, 10);
    } else if (key == "steps") {
      verdict.steps = std::strtoull(value.c_str(), nullptr, 10);
    } else if (key == "seconds") {
      verdict.seconds = std::strtod(value.c_str(), nullptr);
    } else if (key == "bound") {
      verdict.bound = static_cast<std::uint32_t>(std::strtoul(value.c_str(), nullptr, 10));
    } else if (key == "was_limited") {
      verdict.was_limited = value == "1";
    } else if (key == "is_too_large") {
      verdict.is_too_large = value == "1";
    } else if (key == "messages") {
      verdict.messages = static_cast<std::uint32_t>(std::strtoul(value.c_str(), nullptr, 10));
    } else if (key == "usage") {
      verdict.usage = usage_in(value);
    } else if (key == "hides_failures") {
      verdict.hides_failures = value == "1";
    } else if (key == "buffering") {
      verdict.buffering.push_back(value);
    } else if (key == "division") {
      verdict.division = value;
    } else if (key == "note") {
      verdict.note = value;
    } else if (key == "why") {
      verdict.why = value;
    } else if (key == "replay") {
      verdict.replay = value;
    } else if (key == "page" || key == "report") {
      std::string& part = key == "page" ? verdict.page : verdict.report;
      part.resize(std::min<std::size_t>(std::strtoull(value.c_str(), nullptr, 10), text.size()));
      lines.read(part.data(), static_cast<std::streamsize>(part.size()));
    } else if (key == "journal") {
      std::ostringstream rest;
      rest << lines.rdbuf();
      verdict.journal = rest.str();
    }
  }
  return verdict;
}

void write_all(int to, const std::string& text) {
  for (std::size_t written = 0; written < text.size();) {
    const ssize_t count = ::write(to, text.data() + written, text.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    written += static_cast<std::size_t>(count);
  }
}

// -- in the child

struct Watchdog {
  int verdict_to = -1;
  const RingJob* job = nullptr;
  RingProgress last;
  int ticks_still = 0;  ///< seconds of real time since then
  std::chrono::microseconds busy_then{0};
  std::chrono::nanoseconds awake_then{0};  ///< running, or waiting for a processor
};
Watchdog watchdog;

/// The ring code will not return. It may have damaged memory, but this code must still send a verdict;
/// otherwise the parent sees a child without one.
[[noreturn]] void give_up(const std::string& why, RingOutcome outcome = RingOutcome::failed) {
  const check::CheckerCode checker;
  RingVerdict verdict;
  verdict.outcome = outcome;
  verdict.why = why;
  const std::string schedule = schedule_of_current_try();
  if (!schedule.empty()) {
    RingJob job = *watchdog.job;
    verdict.messages = job.workload.messages = messages_of_current_try();
    verdict.replay = replay_text(job, places_of_current_try(), {}) + schedule;
  }
  write_all(watchdog.verdict_to, to_text(verdict));
  ::_exit(0);
}

void on_fault(int signal) {
  ::signal(signal, SIG_DFL);
  give_up(fmt::format("the code gets a fatal signal: {} ({})", ::strsignal(signal),
                      signal == SIGSEGV || signal == SIGBUS
                          ? "the memory before and after the page may not be accessed"
                          : "run the replay in a debugger"));
}

std::chrono::microseconds time_of_processor() {
  rusage used = {};
  ::getrusage(RUSAGE_SELF, &used);
  return std::chrono::seconds(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         std::chrono::microseconds(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

/// How long this process was ready to run and had no processor. Called in a signal's handler.
std::chrono::nanoseconds time_without_processor() {
  char text[128] = {};
  const int file = ::open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  const ssize_t bytes = ::read(file, text, sizeof text - 1);
  ::close(file);
  const char* const second = bytes > 0 ? std::strchr(text, ' ') : nullptr;
  return std::chrono::nanoseconds(second == nullptr ? 0 : std::strtoll(second, nullptr, 10));
}

void on_tick(int) {
  const RingProgress progress = progress_of_current_try();
  const std::chrono::microseconds busy = time_of_processor();
  const std::chrono::nanoseconds awake = busy + time_without_processor();
  if (!progress.runs_ring_code || progress != watchdog.last) {
    watchdog.last = progress;
    watchdog.ticks_still = 0;
    watchdog.busy_then = busy;
    watchdog.awake_then = awake;
    return;
  }
  const bool explores = watchdog.job->task == RingTask::explore;
  const std::chrono::seconds limit = explores ? busy_without_a_step : busy_of_one_thread;
  ++watchdog.ticks_still;
  const char* what = explores ? "no access to shared memory" : "a call does not return";
  if (busy - watchdog.busy_then >= limit)
    give_up(
        fmt::format("the code hangs: {} for {} s (does it loop on a value that the compiler keeps in a "
                    "register? such a word must be read again each time)",
                    what, limit.count()));
  if (watchdog.ticks_still >= seconds_blocked && awake - watchdog.awake_then < awake_while_blocked)
    give_up(fmt::format("the code is blocked: {} for {} s, and it uses no processor time (does it wait for "
                        "another thread, or for the system?)",
                        what, watchdog.ticks_still),
            RingOutcome::could_not);
}

/// The ring is not wrong; it cannot be judged.
void refused_by_ring(const std::string& why) {
  give_up(why, RingOutcome::could_not);
}

void watch_over(const RingJob& job, int verdict_to) {
  // The buffer of stdout is not part of the ring's memory.
  static char printed[BUFSIZ];
  std::setvbuf(stdout, printed, _IOLBF, sizeof printed);
  on_refusal(refused_by_ring);
  watchdog = {verdict_to, &job, {}, 0, {}, {}};
  // A stack overflow needs another stack for the handler.
  static std::byte signal_stack[signal_stack_bytes];
  stack_t stack = {};
  stack.ss_sp = signal_stack;
  stack.ss_size = sizeof signal_stack;
  ::sigaltstack(&stack, nullptr);
  struct sigaction action = {};
  action.sa_handler = on_fault;
  action.sa_flags = SA_ONSTACK;
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) ::sigaction(signal, &action, nullptr);
  action.sa_handler = on_tick;
  action.sa_flags = SA_ONSTACK | SA_RESTART;
  ::sigaction(SIGALRM, &action, nullptr);
  itimerval each_second = {};
  each_second.it_interval.tv_sec = 1;
  each_second.it_value.tv_sec = 1;
  ::setitimer(ITIMER_REAL, &each_second, nullptr);
}

// -- in the parent

struct Child {
  pid_t process = -1;
  int verdict_from = -1;
  std::size_t number = 0;
  bool was_late = false;  ///< killed after the budget
  std::string text;
  SearchCounts* counts = nullptr;  ///< of the child, in shared memory; null: none
  Clock::time_point began = Clock::now();
};

/// Releases the parent's resources for a child.
void release(const Child& child) {
  ::close(child.verdict_from);
  if (child.counts != nullptr) ::munmap(child.counts, sizeof(SearchCounts));
}

/// Starts a child that calls `what` and sends its verdict. Its process is -1 on an error.
Child start(std::size_t number, const RingJob& job, const std::function<RingVerdict()>& what) {
  Child child;
  child.number = number;
  int ends[2];
  if (::pipe(ends) != 0) return child;
  void* const shared =
      ::mmap(nullptr, sizeof(SearchCounts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared != MAP_FAILED) child.counts = new (shared) SearchCounts;
  std::fflush(nullptr);
  child.process = ::fork();
  if (child.process == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(ends[0]);
    watch_over(job, ends[1]);
    count_searches_in(child.counts);
    write_all(ends[1], to_text(what()));
    ::_exit(0);
  }
  ::close(ends[1]);
  child.verdict_from = ends[0];
  if (child.process < 0) release(child);
  return child;
}

RingVerdict finish(Child& child) {
  int status = 0;
  while (::waitpid(child.process, &status, 0) < 0 && errno == EINTR) {
  }
  release(child);
  RingVerdict verdict = from_text(child.text);
  if (child.was_late) {
    verdict.outcome = RingOutcome::could_not;
    verdict.why = fmt::format("it did not end within {} s after the budget was over", grace.count());
  } else if (child.text.empty()) {
    verdict.outcome = RingOutcome::failed;
    verdict.why =
        WIFSIGNALED(status)
            ? fmt::format("the process that ran the ring was killed by {}", ::strsignal(WTERMSIG(status)))
            : fmt::format("the process that ran the ring exited with status {}", WEXITSTATUS(status));
  }
  return verdict;
}

/// A timeout for poll(), within the limits.
int milliseconds_until(Clock::time_point then, std::chrono::milliseconds at_least,
                       std::chrono::milliseconds at_most) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(then - Clock::now());
  return static_cast<int>(std::clamp(left, at_least, at_most).count());
}

/// `executions`: the number in the finished jobs.
RingJobsProgress progress_of(const std::vector<Child>& running, std::size_t done, std::uint64_t executions) {
  RingJobsProgress progress;
  progress.done = done;
  progress.executions = executions;
  const auto first = std::min_element(running.begin(), running.end(),
                                      [](const Child& a, const Child& b) { return a.number < b.number; });
  for (const Child& child : running) {
    if (child.counts != nullptr) progress.executions += child.counts->executions;
  }
  progress.running = first->number;
  progress.its_time = Clock::now() - first->began;
  if (first->counts == nullptr) return progress;
  progress.its_executions = first->counts->executions;
  progress.its_steps = first->counts->steps;
  return progress;
}

void end_all(std::vector<Child>& running) {
  for (Child& child : running) {
    ::kill(child.process, SIGKILL);
    finish(child);
  }
}

RingVerdict no_process(const char* why = "no process can be started") {
  RingVerdict verdict;
  verdict.why = fmt::format("{}: {}", why, std::strerror(errno));
  return verdict;
}

}  // namespace

void run_ring_jobs(const std::vector<RingJob>& jobs, const RingJobsOptions& options,
                   const std::function<bool(std::size_t number, const RingVerdict& verdict)>& done) {
  const auto deadline = Clock::now() + options.budget;
  std::vector<Child> running;
  std::uint64_t executions = 0;
  std::size_t ended = 0;
  std::map<std::size_t, std::optional<RingVerdict>> waiting;  // waiting for earlier ones
  std::size_t next = 0;
  std::size_t told = 0;
  while (told < jobs.size()) {
    while (running.size() < options.at_once && next < jobs.size()) {
      // The remaining time is divided evenly; a job that needs less leaves the rest to the others.
      const auto left = std::max(deadline - Clock::now(), Clock::duration::zero());
      const auto until =
          Clock::now() + left * options.at_once / static_cast<int>(jobs.size() - next + running.size());
      const RingJob& job = jobs[next];
      if (options.skip && options.skip(job)) {
        waiting[next++] = std::nullopt;
        ++ended;
        continue;
      }
      Child child = start(next, job, [&] { return try_ring(job, std::min(until, deadline)); });
      if (child.process < 0) {
        waiting[next] = no_process();
        ++ended;
      } else {
        running.push_back(std::move(child));
      }
      ++next;
    }
    std::vector<pollfd> watched;
    for (const Child& child : running) watched.push_back({child.verdict_from, POLLIN, 0});
    const int patience = milliseconds_until(deadline + grace, shortest_poll,
                                            options.progress || options.stop ? progress_interval : a_day);
    if (!watched.empty() && ::poll(watched.data(), watched.size(), patience) < 0 && errno != EINTR) {
      const RingVerdict lost = no_process("its process cannot be watched");
      end_all(running);
      for (; told < jobs.size(); ++told) done(told, lost);
      return;
    }
    if (!watched.empty() && options.progress) options.progress(progress_of(running, ended, executions));
    // A child whose watchdog does not work is killed.
    if (Clock::now() > deadline + grace) {
      for (Child& child : running) {
        child.was_late = true;
        ::kill(child.process, SIGKILL);
      }
    }
    for (std::size_t i = watched.size(); i-- > 0;) {
      if (watched[i].revents == 0) continue;
      char bytes[65536];
      const ssize_t count = ::read(running[i].verdict_from, bytes, sizeof bytes);
      if (count > 0) {
        running[i].text.append(bytes, static_cast<std::size_t>(count));
      } else if (count == 0 || errno != EINTR) {
        const RingVerdict& verdict = *(waiting[running[i].number] = finish(running[i]));
        executions += verdict.executions + verdict.redundant;
        ++ended;
        running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
    for (auto first = waiting.find(told); first != waiting.end(); first = waiting.find(told)) {
      const bool go_on = !first->second || done(told, *first->second);
      ++told;
      waiting.erase(first);
      if (!go_on) return end_all(running);
    }
    if (options.stop && options.stop()) {
      end_all(running);
      for (const auto& [number, verdict] : waiting) {
        if (verdict) done(number, *verdict);
      }
      return;
    }
  }
}

RingVerdict replay_in_child(const RingReplay& replay) {
  Child child = start(0, replay.job, [&] {
    replay.job.plugin->make_current();
    return replay_ring(replay.job, replay.places, replay.schedule);
  });
  if (child.process < 0) return no_process();
  char bytes[65536];
  for (;;) {
    const ssize_t count = ::read(child.verdict_from, bytes, sizeof bytes);
    if (count > 0) {
      child.text.append(bytes, static_cast<std::size_t>(count));
    } else if (count == 0 || errno != EINTR) {
      return finish(child);
    }
  }
}

}  // namespace ringside::tools
