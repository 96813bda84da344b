// Starts a child with a pipe for its verdict. In the child, a watchdog observes the ring: handlers for fatal
// signals, and an alarm that checks for progress.
#include "tools/ring_check/child.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "tools/ring_check/calls.h"
#include "tools/ring_check/verdict_text.h"

namespace ringside::tools {

namespace {

/// Ring code that computes this long without a step hangs: between two accesses it takes microseconds.
constexpr std::chrono::seconds busy_without_a_step(3);
/// One thread needs much less than this for a function of the ring.
constexpr std::chrono::seconds busy_of_one_thread(10);
/// Ring code counts as blocked if in this time it neither runs nor waits for a processor. The ticks
/// themselves take less than awake_while_blocked.
constexpr int seconds_blocked = 10;
constexpr std::chrono::milliseconds awake_while_blocked(300);
constexpr std::size_t signal_stack_bytes = std::size_t{64} * 1024;

void write_all(int to, const std::string& text) {
  for (std::size_t written = 0; written < text.size();) {
    const ssize_t count = ::write(to, text.data() + written, text.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    written += static_cast<std::size_t>(count);
  }
}

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

}  // namespace

SharedCounts::SharedCounts() {
  void* const shared =
      ::mmap(nullptr, sizeof(SearchCounts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared != MAP_FAILED) counts_ = new (shared) SearchCounts;
}

SharedCounts::~SharedCounts() {
  if (counts_ != nullptr) ::munmap(counts_, sizeof(SearchCounts));
}

SharedCounts::SharedCounts(SharedCounts&& from) noexcept : counts_(std::exchange(from.counts_, nullptr)) {}

SharedCounts& SharedCounts::operator=(SharedCounts&& from) noexcept {
  std::swap(counts_, from.counts_);
  return *this;
}

RingChild RingChild::start(const RingJob& job, SearchCounts* counts,
                           const std::function<RingVerdict()>& what) {
  RingChild child;
  int ends[2];
  if (::pipe(ends) != 0) return child;
  std::fflush(nullptr);
  child.process_ = ::fork();
  if (child.process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(ends[0]);
    watch_over(job, ends[1]);
    count_searches_in(counts);
    write_all(ends[1], to_text(what()));
    ::_exit(0);
  }
  ::close(ends[1]);
  child.verdict_from_ = ends[0];
  if (child.process_ < 0) ::close(ends[0]);
  return child;
}

bool RingChild::read() {
  char bytes[65536];
  const ssize_t count = ::read(verdict_from_, bytes, sizeof bytes);
  if (count > 0) text_.append(bytes, static_cast<std::size_t>(count));
  return count > 0 || (count < 0 && errno == EINTR);
}

void RingChild::kill() const {
  ::kill(process_, SIGKILL);
}

RingVerdict RingChild::finish() {
  int status = 0;
  while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
  ::close(verdict_from_);
  RingVerdict verdict = from_text(text_);
  if (!text_.empty()) return verdict;
  verdict.outcome = RingOutcome::failed;
  verdict.why =
      WIFSIGNALED(status)
          ? fmt::format("the process that ran the ring was killed by {}", ::strsignal(WTERMSIG(status)))
          : fmt::format("the process that ran the ring exited with status {}", WEXITSTATUS(status));
  return verdict;
}

RingVerdict no_process(const char* why) {
  RingVerdict verdict;
  verdict.why = fmt::format("{}: {}", why, std::strerror(errno));
  return verdict;
}

RingVerdict replay_in_child(const RingReplay& replay) {
  RingChild child = RingChild::start(replay.job, nullptr, [&] {
    replay.job.plugin->make_current();
    return replay_ring(replay.job, replay.places, replay.schedule);
  });
  if (!child.has_started()) return no_process();
  while (child.read()) {
  }
  return child.finish();
}

}  // namespace ringside::tools
