// The lists of system calls, and the message for a call that is not listed.
#include "emu/host/seal.h"

#include <sys/prctl.h>

#include "emu/host/linux_descriptors.h"

#if defined(RINGSIDE_SECCOMP)
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string_view>
#endif

namespace ringside {

namespace {

Result<> drop_privileges() {
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) return Done{};
  return system_error("cannot give up new privileges", "no_new_privs");
}

}  // namespace

#if defined(RINGSIDE_SECCOMP)

namespace {

constexpr const char* cannot_seal = "cannot limit this process's system calls";

// -- the lists

/// Some are another architecture's or another C library's name for the same call. Names that this
/// architecture does not have are left out.
constexpr auto common_calls = std::to_array<const char*>({
    // The loop. Calls made for every message have no condition: those cost the kernel only one bit test.
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_ctl",
    "timerfd_settime",
    "timerfd_settime64",
    "poll",
    "ppoll",
    "ppoll_time64",
    "sched_yield",
    "getcpu",
    "clock_gettime",
    "clock_gettime64",
    "clock_nanosleep",
    "clock_nanosleep_time64",
    "nanosleep",
    // Existing descriptors and sockets.
    "read",
    "readv",
    "pread64",
    "write",
    "writev",
    "pwrite64",
    "close",
    "fcntl",
    "fcntl64",
    "lseek",
    "_llseek",
    "recvfrom",
    "recvmsg",
    "sendto",
    "sendmsg",
    "shutdown",
    "getsockopt",
    "setsockopt",
    "accept",
    "accept4",
    // Files are examined, and removed at the end.
    "fstat",
    "fstat64",
    "newfstatat",
    "fstatat64",
    "stat",
    "stat64",
    "lstat",
    "lstat64",
    "statx",
    "getdents",
    "getdents64",
    "readlink",
    "readlinkat",
    "unlink",
    "unlinkat",
    // Memory, but not executable: see below.
    "brk",
    "munmap",
    "mremap",
    "madvise",
    "futex",
    "futex_time64",
    // Signals, and the end.
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sigreturn",
    "restart_syscall",
    "sigaltstack",
    "getpid",
    "gettid",
    "getppid",
    "exit",
    "exit_group",
    "getrandom",
    "sysinfo",
    // For close_in_child(): a child that keeps a descriptor until this process has closed its own.
    "pipe",
    "pipe2",
    "fork",
    "wait4",
    "waitid",
    "set_robust_list",
    "rseq",
});

/// For making guests' frames and ports, for signals to their processes, and for the pty of the serial line.
constexpr auto for_xen = std::to_array<const char*>({
    "memfd_create",
    "fallocate",
    "ftruncate",
    "ftruncate64",
    "eventfd2",
    "epoll_create1",
    "socketpair",
    "pidfd_send_signal",
    "inotify_rm_watch",
    "inotify_add_watch",
});

/// For the files whose contents outlive a daemon.
constexpr auto for_consoles =
    std::to_array<const char*>({"open", "openat", "fallocate", "ftruncate", "ftruncate64", "umask"});
/// Listening sockets, and xcs, which may have restarted.
constexpr auto for_xend = std::to_array<const char*>({"bind", "listen", "connect", "getsockname"});
/// Ptys, links to them, and noticing who opens them.
constexpr auto for_xenctld =
    std::to_array<const char*>({"symlink", "symlinkat", "rename", "renameat", "renameat2", "inotify_init1",
                                "inotify_add_watch", "inotify_rm_watch"});

/// For ioctl: the requests for ptys and pidfds. TIOCSTI, which types into another's terminal, is not among
/// them.
constexpr auto requests =
    std::to_array<unsigned long>({FIONBIO, FIONREAD, TCGETS, TCSETS, TCSETSW, TCSETSF, TCFLSH, TCSBRK,
                                  TIOCGWINSZ, TIOCSWINSZ, TIOCGPTN, TIOCSPTLCK, TIOCGPTPEER, TIOCOUTQ});
/// PIDFD_GET_INFO, for any size of its answer: older headers do not have it.
constexpr std::uint64_t pidfd_get_info = 0xFF0B;
constexpr std::uint64_t ioctl_without_size = 0xFFFF;

constexpr std::uint64_t low_half = 0xFFFF'FFFF;
/// For open: flags that could change a file, or make one.
constexpr std::uint64_t changing = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND;
/// For clone: fork, which makes a process with its own copy of everything, has none of these.
constexpr std::uint64_t apart = CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_NEWNS | CLONE_NEWCGROUP |
                                CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |
                                CLONE_PTRACE;

// -- the filter

/// If a rule cannot be made, this is remembered, and the filter is not loaded.
class Filter {
 public:
  Filter() : rules_(seccomp_init(SCMP_ACT_TRAP)) {
    if (rules_ == nullptr) failure_ = ENOMEM;
    set(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    // The filter is searched as a tree where the kernel keeps no table. The processes run no foreign code, so
    // the CPU's speculation barriers are not needed.
    set(SCMP_FLTATR_CTL_OPTIMIZE, 2);
    set(SCMP_FLTATR_CTL_SSB, 1);
  }
  ~Filter() {
    if (rules_ != nullptr) seccomp_release(rules_);
  }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  template <typename Names>
  void allow(const Names& names) {
    for (const char* name : names) add(SCMP_ACT_ALLOW, name, {});
  }
  /// Allows the call if the bits of `mask` in that argument, counted from 0, equal those of `value`.
  void allow_if(const char* name, unsigned argument, std::uint64_t mask, std::uint64_t value) {
    add(SCMP_ACT_ALLOW, name, {{argument, SCMP_CMP_MASKED_EQ, mask, value}});
  }
  /// For a call that the C library replaces by another one if it is unknown.
  void deny_as_unknown(const char* name) { add(SCMP_ACT_ERRNO(ENOSYS), name, {}); }

  [[nodiscard]] Result<> load() {
    if (failure_ == 0) failure_ = -seccomp_load(rules_);
    if (failure_ == 0) return Done{};
    return Error{failure_, cannot_seal, "seccomp", std::strerror(failure_),
                 "it continues without, as under valgrind or a Linux without seccomp"};
  }

 private:
  void set(scmp_filter_attr attribute, std::uint32_t value) {
    if (failure_ == 0) failure_ = -seccomp_attr_set(rules_, attribute, value);
  }
  void add(std::uint32_t action, const char* name, std::initializer_list<scmp_arg_cmp> conditions) {
    const int number = seccomp_syscall_resolve_name(name);
    if (failure_ != 0 || number == __NR_SCMP_ERROR) return;
    failure_ = -seccomp_rule_add_array(rules_, action, number, static_cast<unsigned>(conditions.size()),
                                       conditions.begin());
  }

  scmp_filter_ctx rules_;
  int failure_ = 0;
};

void allow_signals(Filter& filter, std::initializer_list<int> signals) {
  for (const int number : signals) filter.allow_if("kill", 1, low_half, static_cast<unsigned>(number));
}

void allow_reading(Filter& filter) {
  filter.allow_if("open", 1, changing, 0);
  filter.allow_if("openat", 2, changing, 0);
}

void allow_sockets(Filter& filter, std::initializer_list<int> families) {
  for (const int family : families) filter.allow_if("socket", 0, low_half, static_cast<unsigned>(family));
}

void fill(Filter& filter, Sealed process) {
  filter.allow(common_calls);
  for (const char* name : {"mmap", "mmap2", "mprotect"}) filter.allow_if(name, 2, PROT_EXEC, 0);
  filter.allow_if("clone", 0, apart, 0);
  filter.deny_as_unknown("clone3");  // its conditions are in memory; fork then uses clone
  // raise() and abort(), of this process.
  filter.allow_if("tgkill", 0, low_half, static_cast<unsigned>(getpid()));
  for (const unsigned long request : requests) filter.allow_if("ioctl", 1, low_half, request);
  filter.allow_if("ioctl", 1, ioctl_without_size, pidfd_get_info);
  switch (process) {
    case Sealed::xen:
      filter.allow(for_xen);
      allow_reading(filter);
      allow_signals(filter, {SIGSTOP, SIGCONT, SIGKILL});
      break;
    case Sealed::xcs:
      allow_reading(filter);
      // A daemon that outlives its hypervisor resumes the processes that the hypervisor had stopped.
      allow_signals(filter, {SIGCONT});
      break;
    case Sealed::xcs_early:
      filter.allow(for_consoles);
      allow_signals(filter, {SIGCONT});
      break;
    case Sealed::xend:
      filter.allow(for_consoles);
      filter.allow(for_xend);
      allow_sockets(filter, {AF_UNIX, AF_INET});
      allow_signals(filter, {SIGCONT});
      break;
    case Sealed::xenctld:
    case Sealed::xenconsoled:
      filter.allow(for_consoles);
      filter.allow(for_xenctld);
      allow_signals(filter, {SIGCONT});
      break;
    case Sealed::domu:
      allow_reading(filter);
      // For processes that its program has left running.
      allow_signals(filter, {SIGSTOP, SIGKILL});
      break;
  }
}

// -- the message

/// On every architecture, numbers beyond it belong to an ABI that is refused as a whole.
constexpr std::size_t call_numbers_end = 512;

struct Words {
  std::string process;
  std::array<std::string, call_numbers_end> calls;
};
/// For the signal handler, which takes no arguments.
const Words* words = nullptr;

/// Does not allocate memory: the refused call may have been made by the allocator.
void say_refused(int, siginfo_t* info, void*) {
  const auto number = static_cast<std::size_t>(info->si_syscall);
  const std::string_view name = number < call_numbers_end ? std::string_view(words->calls[number]) : "";
  std::array<char, 400> text;
  const auto end = fmt::format_to_n(text.data(), text.size(),
                                    "ringside: {}: ended by itself: system call {} ({}) is not one that it "
                                    "needs; this is an error in ringside, or an attack\n",
                                    words->process, number, name.empty() ? "unknown" : name);
  (void)!write(STDERR_FILENO, text.data(), std::min(end.size, text.size()));
  raise(SIGSYS);  // this handler is removed by now
}

/// Called once in a process: the data for the handler is kept.
Result<> listen_for_refusals(const std::string& process) {
  auto made = std::make_unique<Words>();
  made->process = process;
  for (std::size_t number = 0; number < call_numbers_end; ++number) {
    const std::unique_ptr<char, decltype(&std::free)> name(
        seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, static_cast<int>(number)), &std::free);
    if (name != nullptr) made->calls[number] = name.get();
  }
  words = made.release();
  struct sigaction action {};
  action.sa_sigaction = say_refused;
  action.sa_flags = SA_SIGINFO | SA_RESETHAND | SA_NODEFER;
  if (sigaction(SIGSYS, &action, nullptr) == 0) return Done{};
  return system_error(cannot_seal, "SIGSYS");
}

}  // namespace

bool can_seal() {
  return true;
}

Result<> seal(Sealed process, const std::string& name) {
  RS_CHECK(words == nullptr);
  if (auto dropped = drop_privileges(); !dropped) return dropped;
  if (auto listens = listen_for_refusals(name); !listens) return listens;
  Filter filter;
  fill(filter, process);
  return filter.load();
}

#else

bool can_seal() {
  return false;
}

Result<> seal(Sealed, const std::string&) {
  return drop_privileges();
}

#endif

}  // namespace ringside
