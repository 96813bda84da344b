// The refused calls with their reasons, and the handling of a failed assert().
#include "tools/ring_check/calls.h"

#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <threads.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <condition_variable>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <mutex>

#include "emu/check/check_services.h"
#include "emu/check/execution.h"
#include "emu/check/include/ringside/ring_check.h"

namespace ringside::tools {

namespace {

void (*refusal_handler)(const std::string&) = nullptr;

enum class Why : std::uint8_t { waits, starts_threads, writes_unseen, takes_memory };

const char* text_of(Why why) {
  switch (why) {
    case Why::waits:
      return "it may wait, but one thread runs both ends here, so that no other thread could wake it (an end "
             "that finds nothing returns 0, and waits with ring_check_wait() or ring_check_await())";
    case Why::starts_threads:
      return "other threads and processes are not explored";
    case Why::writes_unseen:
      return "the system writes into memory without an announcement, and a file is not restored between "
             "executions";
    case Why::takes_memory:
      return "such memory is not restored between executions (use malloc or new)";
  }
  return "?";
}

/// Whether the checker runs the ring, in an execution or with one thread, and not with two real threads.
bool is_checked() {
  if (check::Execution::current() != nullptr) return true;
  const check::CheckServices* driver = check::check_services();
  return driver != nullptr && !driver->has_threads();
}

void refuse_if_checked(const char* name, Why why) {
  if (is_checked()) refuse(fmt::format("the code calls {}(): {}", name, text_of(why)));
}

/// Calls the real function, unless the checker runs. `About` has its name and the reason.
template <auto real, class About>
struct Refused;
template <class R, class... Arguments, bool is_noexcept, R (*real)(Arguments...) noexcept(is_noexcept),
          class About>
struct Refused<real, About> {
  static R call(Arguments... arguments) {
    refuse_if_checked(About::name, About::why);
    return real(arguments...);
  }
};

// A text cannot be a template argument, so that each function has a type for it.
#define RS_REFUSED(function, reason)               \
  struct About_##function {                        \
    static constexpr const char* name = #function; \
    static constexpr Why why = Why::reason;        \
  };
#define RS_EACH_REFUSED(X)          \
  X(sleep, waits)                   \
  X(usleep, waits)                  \
  X(nanosleep, waits)               \
  X(clock_nanosleep, waits)         \
  X(thrd_sleep, waits)              \
  X(pause, waits)                   \
  X(poll, waits)                    \
  X(ppoll, waits)                   \
  X(select, waits)                  \
  X(pselect, waits)                 \
  X(epoll_wait, waits)              \
  X(epoll_pwait, waits)             \
  X(sigwait, waits)                 \
  X(sigwaitinfo, waits)             \
  X(sigtimedwait, waits)            \
  X(sem_wait, waits)                \
  X(sem_timedwait, waits)           \
  X(pthread_mutex_lock, waits)      \
  X(pthread_mutex_timedlock, waits) \
  X(pthread_cond_wait, waits)       \
  X(pthread_cond_timedwait, waits)  \
  X(pthread_cond_clockwait, waits)  \
  X(pthread_rwlock_rdlock, waits)   \
  X(pthread_rwlock_wrlock, waits)   \
  X(pthread_spin_lock, waits)       \
  X(pthread_barrier_wait, waits)    \
  X(pthread_join, waits)            \
  X(mtx_lock, waits)                \
  X(mtx_timedlock, waits)           \
  X(cnd_wait, waits)                \
  X(cnd_timedwait, waits)           \
  X(thrd_join, waits)               \
  X(waitpid, waits)                 \
  X(pthread_create, starts_threads) \
  X(thrd_create, starts_threads)    \
  X(fork, starts_threads)           \
  X(read, writes_unseen)            \
  X(pread, writes_unseen)           \
  X(readv, writes_unseen)           \
  X(recv, writes_unseen)            \
  X(recvfrom, writes_unseen)        \
  X(recvmsg, writes_unseen)         \
  X(mmap, takes_memory)             \
  X(sbrk, takes_memory)
RS_EACH_REFUSED(RS_REFUSED)
#undef RS_REFUSED

/// The waiting functions of C++20, among others, make system calls through this.
long call_syscall(long number, ...) {
  if (number == SYS_futex) refuse_if_checked("futex", Why::waits);
  std::va_list list;
  va_start(list, number);
  std::array<long, 6> a;
  for (long& each : a) each = va_arg(list, long);
  va_end(list);
  return ::syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

void call_condition_wait(std::condition_variable* condition, std::unique_lock<std::mutex>* lock) {
  refuse_if_checked("std::condition_variable::wait", Why::waits);
  condition->wait(*lock);
}

/// Called by assert(): a failure of the ring with its steps, instead of the end of the process.
void call_assert_fail(const char* condition, const char* file, unsigned line, const char* function) {
  if (is_checked()) {
    std::array<char, 512> text;  // not on the heap, which is the ring's now
    (void)std::snprintf(text.data(), text.size(), "%s does not hold, %s:%u", condition, file, line);
    ring_check_fail(text.data());
  }
  ::__assert_fail(condition, file, line, function);
}

#define RS_REDIRECTED(function, reason) \
  RedirectedCall{#function, reinterpret_cast<void*>(&Refused<&::function, About_##function>::call)},
const RedirectedCall calls[] = {
    RS_EACH_REFUSED(RS_REDIRECTED)  //
    {"syscall", reinterpret_cast<void*>(&call_syscall)},
    {"__assert_fail", reinterpret_cast<void*>(&call_assert_fail)},
    {"_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE",
     reinterpret_cast<void*>(&call_condition_wait)},
};
#undef RS_REDIRECTED

}  // namespace

std::span<const RedirectedCall> redirected_calls() {
  return calls;
}

void on_refusal(void (*handler)(const std::string&)) {
  refusal_handler = handler;
}

void refuse(const std::string& why) {
  if (refusal_handler != nullptr) refusal_handler(why);
  std::fprintf(stderr, "a ring cannot be checked: %s\n", why.c_str());
  std::_Exit(EXIT_FAILURE);
}

}  // namespace ringside::tools
