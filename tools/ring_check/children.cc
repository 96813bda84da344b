// fork, a pipe for the verdict, and in the child a watchdog over the ring: signals that it dies of, and an
// alarm that sees whether it still gets anywhere.
#include "tools/ring_check/children.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <map>
#include <sstream>

namespace ringside::tools {

namespace {

using Clock = std::chrono::steady_clock;

/// A ring that makes no step for so long hangs: ring code between two accesses takes microseconds.
constexpr int seconds_without_a_step = 3;
/// One thread alone drives the ring through its functions in far less than this.
constexpr int seconds_of_one_thread = 10;
constexpr std::size_t signal_stack_bytes = std::size_t{64} * 1024;

constexpr std::string_view outcome_names[] = {"whole", "bounded", "stopped", "failed", "could_not"};

// -- the verdict as text, from the child to its parent

std::string to_text(const RingVerdict& verdict) {
  // A ring may fail with any text; here it is one line.
  std::string why = verdict.why;
  std::replace(why.begin(), why.end(), '\n', ' ');
  return fmt::format(
      "outcome {}\nexecutions {}\nredundant {}\nsteps {}\nseconds {}\nbound {}\n"
      "why {}\nreplay {}\nreport {}\n{}journal\n{}",
      outcome_names[static_cast<std::size_t>(verdict.outcome)], verdict.executions, verdict.redundant,
      verdict.steps, verdict.seconds, verdict.bound, why, verdict.replay, verdict.report.size(),
      verdict.report, verdict.journal);
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
    } else if (key == "why") {
      verdict.why = value;
    } else if (key == "replay") {
      verdict.replay = value;
    } else if (key == "report") {
      verdict.report.resize(std::min<std::size_t>(std::strtoull(value.c_str(), nullptr, 10), text.size()));
      lines.read(verdict.report.data(), static_cast<std::streamsize>(verdict.report.size()));
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
  std::uint64_t last_progress = 0;
  int seconds_still = 0;
};
Watchdog watchdog;

/// The ring will not come back. Whatever it broke, strings can still be made, or the parent sees a child that
/// died without a word.
[[noreturn]] void give_up(const std::string& why) {
  RingVerdict verdict;
  verdict.outcome = RingOutcome::failed;
  verdict.why = why;
  const std::string schedule = schedule_of_current_try();
  if (!schedule.empty()) {
    RingJob job = *watchdog.job;
    verdict.replay = replay_text(job, {}) + schedule;
  }
  write_all(watchdog.verdict_to, to_text(verdict));
  ::_exit(0);
}

void on_fault(int signal) {
  ::signal(signal, SIG_DFL);
  give_up(fmt::format("the ring's code dies of a signal: {} ({})", ::strsignal(signal),
                      signal == SIGSEGV || signal == SIGBUS
                          ? "the memory before and behind the page may not be touched"
                          : "see the replay in a debugger"));
}

void on_tick(int) {
  const std::uint64_t progress = progress_of_current_try();
  if (watchdog.job->task == RingTask::explore && (progress == 0 || progress != watchdog.last_progress)) {
    watchdog.last_progress = progress;
    watchdog.seconds_still = 0;
    return;
  }
  const bool explores = watchdog.job->task == RingTask::explore;
  if (++watchdog.seconds_still < (explores ? seconds_without_a_step : seconds_of_one_thread)) return;
  give_up(
      fmt::format("the ring's code hangs: {} for {} s (does it loop on a value that the compiler keeps in a "
                  "register? such a word must be "
                  "read anew each time)",
                  explores ? "no access to the page" : "a call does not come back", watchdog.seconds_still));
}

void watch_over(const RingJob& job, int verdict_to) {
  watchdog = {verdict_to, &job, 0, 0};
  // A fault may be the end of a stack.
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
  ::sigaction(SIGVTALRM, &action, nullptr);
  // Time that this process has run: a busy machine is no hang.
  itimerval each_second = {};
  each_second.it_interval.tv_sec = 1;
  each_second.it_value.tv_sec = 1;
  ::setitimer(ITIMER_VIRTUAL, &each_second, nullptr);
}

// -- in the parent

struct Child {
  pid_t process = -1;
  int verdict_from = -1;
  std::size_t number = 0;
  std::string text;
};

/// A child that does `what` and sends its verdict. Its process is -1 if there is none.
Child start(std::size_t number, const RingJob& job, const std::function<RingVerdict()>& what) {
  Child child;
  child.number = number;
  int ends[2];
  if (::pipe(ends) != 0) return child;
  std::fflush(nullptr);
  child.process = ::fork();
  if (child.process == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(ends[0]);
    watch_over(job, ends[1]);
    write_all(ends[1], to_text(what()));
    ::_exit(0);
  }
  ::close(ends[1]);
  child.verdict_from = ends[0];
  if (child.process < 0) ::close(ends[0]);
  return child;
}

RingVerdict finish(Child& child) {
  int status = 0;
  while (::waitpid(child.process, &status, 0) < 0 && errno == EINTR) {
  }
  ::close(child.verdict_from);
  RingVerdict verdict = from_text(child.text);
  if (child.text.empty()) {
    verdict.outcome = RingOutcome::failed;
    verdict.why =
        WIFSIGNALED(status)
            ? fmt::format("the process that ran the ring was killed by {}", ::strsignal(WTERMSIG(status)))
            : fmt::format("the process that ran the ring ended by itself, with status {}",
                          WEXITSTATUS(status));
  }
  return verdict;
}

RingVerdict no_process() {
  RingVerdict verdict;
  verdict.why = fmt::format("no process can be started: {}", std::strerror(errno));
  return verdict;
}

}  // namespace

void run_ring_jobs(const std::vector<RingJob>& jobs, const RingJobsOptions& options,
                   const std::function<bool(std::size_t number, const RingVerdict& verdict)>& done) {
  const auto deadline = Clock::now() + options.budget;
  std::vector<Child> running;
  std::map<std::size_t, RingVerdict> waiting;  // for those before them
  std::size_t next = 0;
  std::size_t told = 0;
  while (told < jobs.size()) {
    while (running.size() < options.at_once && next < jobs.size()) {
      // What is left is shared out evenly; whoever needs less leaves it to the others.
      const auto left = std::max(deadline - Clock::now(), Clock::duration::zero());
      const auto until =
          Clock::now() + left * options.at_once / static_cast<int>(jobs.size() - next + running.size());
      const RingJob& job = jobs[next];
      Child child = start(next, job, [&] { return try_ring(job, std::min(until, deadline)); });
      if (child.process < 0) {
        waiting[next] = no_process();
      } else {
        running.push_back(std::move(child));
      }
      ++next;
    }
    std::vector<pollfd> watched;
    for (const Child& child : running) watched.push_back({child.verdict_from, POLLIN, 0});
    if (!watched.empty() && ::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) return;
    for (std::size_t i = watched.size(); i-- > 0;) {
      if (watched[i].revents == 0) continue;
      char bytes[65536];
      const ssize_t count = ::read(running[i].verdict_from, bytes, sizeof bytes);
      if (count > 0) {
        running[i].text.append(bytes, static_cast<std::size_t>(count));
      } else if (count == 0 || errno != EINTR) {
        waiting[running[i].number] = finish(running[i]);
        running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
    for (auto first = waiting.find(told); first != waiting.end(); first = waiting.find(told)) {
      const bool go_on = done(told++, first->second);
      waiting.erase(first);
      if (go_on) continue;
      for (Child& child : running) {
        ::kill(child.process, SIGKILL);
        finish(child);
      }
      return;
    }
  }
}

RingVerdict replay_in_child(const RingJob& job, const check::Schedule& schedule) {
  Child child = start(0, job, [&] { return replay_ring(job, schedule); });
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
