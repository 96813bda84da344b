// Terminals, programs and signals of the linux host.
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <set>

#include "emu/host/launch.h"
#include "emu/host/linux_descriptors.h"
#include "emu/host/linux_host.h"
#include "emu/host/linux_loop.h"
#include "emu/host/process_table.h"

namespace ringside {

namespace {

/// A process may fork during the search: the search is repeated until it finds no new one, up to this limit.
constexpr int find_rounds_max = 20;

/// Calls `take` once for each process, also for those started meanwhile.
void for_all_processes(const std::string& mark, int session, int root,
                       const std::function<void(const ProcessLine&)>& take) {
  std::set<int> taken;
  for (int round = 0; round < find_rounds_max; ++round) {
    const std::size_t before = taken.size();
    for (const ProcessLine& process : find_processes(mark, session, root)) {
      if (taken.insert(process.pid).second) take(process);
    }
    if (taken.size() == before) return;
  }
}

/// Stops all processes before it kills the first: after a process has ended, its descendants are not found
/// through it any more.
void kill_all(const std::string& mark, int session, int root = 0) {
  for (int round = 0; round < find_rounds_max; ++round) {
    std::vector<int> stopped;
    for_all_processes(mark, session, root, [&stopped](const ProcessLine& process) {
      kill(process.pid, SIGSTOP);
      stopped.push_back(process.pid);
    });
    if (stopped.empty()) return;
    for (const int pid : stopped) kill(pid, SIGKILL);
  }
}

/// The mark with which this process was itself started; empty if none.
std::string own_mark() {
  const char* value = std::getenv("RINGSIDE_DOMAIN");
  return value != nullptr ? std::string("RINGSIDE_DOMAIN=") + value : std::string();
}

/// A status from wait, as a shell shows it.
int shell_status(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/// What the kernel keeps of a process that another process has reaped, since Linux 6.15; older headers do not
/// have it.
struct ReapedProcess {
  std::uint64_t mask;
  std::uint64_t control_group;
  std::uint32_t numbers[11];
  std::int32_t wait_status;
};
static_assert(sizeof(ReapedProcess) == 64);
constexpr std::uint64_t reaped_wait_status = 1U << 3;  // PIDFD_INFO_EXIT
constexpr unsigned long get_reaped = _IOWR(0xFF, 11, ReapedProcess);

/// The exit status of a process that is not our child; 0 when it cannot be known. Its parent may reap it at
/// any time: before that the status is in /proc; after that the kernel reports it, if it is new enough.
int status_of_foreign_process(int process, int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (pid > 0 && std::getline(file, line)) {
    const std::size_t last = line.find_last_of(' ');
    const std::size_t name_end = line.rfind(')');
    // The last field is the status, if the process has ended and this process may see it.
    if (name_end + 2 < line.size() && line[name_end + 2] == 'Z' && last != std::string::npos)
      return shell_status(std::atoi(line.c_str() + last + 1));
  }
  ReapedProcess reaped{};
  reaped.mask = reaped_wait_status;
  if (ioctl(process, get_reaped, &reaped) == 0 && (reaped.mask & reaped_wait_status) != 0)
    return shell_status(reaped.wait_status);
  return 0;
}

int pidfd_open(int pid) {
  return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}

/// In the child: becomes the program, or tells the parent the errno through `report`.
[[noreturn]] void become(const std::vector<std::string>& argv, int parent, int terminal, int report) {
  setsid();
  ioctl(terminal, TIOCSCTTY, 0);
  for (int fd = 0; fd < 3; ++fd) dup2(terminal, fd);
  close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // A parent that ended before this call sends no signal any more.
  if (getppid() != parent) _exit(1);
  for (int number = 1; number < NSIG; ++number) std::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  std::vector<char*> pointers;
  for (const std::string& word : argv) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  execvp(pointers[0], pointers.data());
  const int why = errno;
  (void)!write(report, &why, sizeof why);
  _exit(127);
}

void set_up_terminal(int terminal, const ProgramSpec& spec) {
  const winsize size{spec.rows, spec.columns, 0, 0};
  ioctl(terminal, TIOCSWINSZ, &size);
  termios mode{};
  if (tcgetattr(terminal, &mode) != 0) return;
  if (spec.raw) {
    cfmakeraw(&mode);
  } else {
    mode.c_iflag |= IUTF8;
  }
  tcsetattr(terminal, TCSANOW, &mode);
}

}  // namespace

Result<Program> LinuxHost::program_start(const ProgramSpec& spec) {
  RS_CHECK(!spec.argv.empty());
  const std::string& name = spec.argv[0];
  const char* what = "cannot start the program";
  Fd controller(posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  char path[64];
  if (!controller.valid() || grantpt(controller.get()) != 0 || unlockpt(controller.get()) != 0 ||
      ptsname_r(controller.get(), path, sizeof path) != 0) {
    return system_error("cannot make a terminal for", name);
  }
  const Fd terminal(open(path, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal.valid()) return system_error("cannot open the terminal of", name);
  set_up_terminal(terminal.get(), spec);

  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) return system_error(what, name);
  const Fd report_in(pipe_ends[0]);
  Fd report_out(pipe_ends[1]);
  const int parent = getpid();
  const int pid = fork_until_exec();
  if (pid < 0) return system_error(what, name);
  if (pid == 0) become(spec.argv, parent, terminal.get(), report_out.get());
  report_out = Fd();
  int why = 0;
  if (::read(report_in.get(), &why, sizeof why) == sizeof why) {
    waitpid(pid, nullptr, 0);
    errno = why;
    return system_error(what, name, why == ENOENT ? "is it installed, and in PATH?" : "");
  }
  const int process = pidfd_open(pid);
  if (process < 0) return system_error(what, name);
  children_.insert(process);
  return Program{adopt(controller.release()), adopt(process)};
}

void LinuxHost::process_watch(const Handle& process, std::function<void(int status)> ended) {
  const int fd = process.number();
  const int pid = process_number(process);
  loop_->watch(fd, {.read = true}, [this, fd, pid, ended = std::move(ended)](Ready) {
    loop_->watch_interest(fd, {});
    siginfo_t info{};
    // A child is not reaped before its handle is closed, so that its process id is not reused while the
    // handle may be used.
    const bool known =
        waitid(P_PIDFD, static_cast<id_t>(fd), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
    const int status = !known                       ? status_of_foreign_process(fd, pid)
                       : info.si_code == CLD_EXITED ? info.si_status
                                                    : 128 + info.si_status;
    ended(status);
  });
}

void wake_marked_processes(const Machine& machine) {
  for (const ProcessLine& each : find_processes(machine.domains_mark(), 0)) {
    // PTRACE_ATTACH sends SIGSTOP, and its tracer waits for the stop. SIGCONT would take the SIGSTOP away.
    if (!is_traced(each.pid)) kill(each.pid, SIGCONT);
  }
}

void end_marked_processes(const Machine& machine) {
  kill_all(machine.domains_mark(), 0);
}

Result<Handle> LinuxHost::process_open(std::int32_t number) {
  const int fd = pidfd_open(number);
  if (fd < 0) return system_error("cannot find the process", std::to_string(number));
  return adopt(fd);
}

Result<Handle> LinuxHost::child_open(std::int32_t number) {
  auto opened = process_open(number);
  if (opened) children_.insert(opened->number());
  return opened;
}

std::int32_t LinuxHost::process_number(const Handle& process) {
  return process_number_of(process.number());
}

void LinuxHost::terminal_resize(const Handle& terminal, std::uint16_t rows, std::uint16_t columns) {
  const winsize size{rows, columns, 0, 0};
  ioctl(terminal.number(), TIOCSWINSZ, &size);
}

void LinuxHost::program_kill_rest(const Handle& process) {
  kill_all(own_mark(), process_number(process));
}

void LinuxHost::domain_signal(DomainId domain, const Handle& process, DomainSignal signal) {
  const auto send = [&](int number) { syscall(SYS_pidfd_send_signal, process.number(), number, nullptr, 0); };
  const std::string mark = machine_.domain_mark(domain);
  const int root = process.valid() ? process_number(process) : 0;
  std::vector<int>& stopped_before = stopped_before_[domain];
  switch (signal) {
    case DomainSignal::stop:
      send(SIGSTOP);
      stopped_before.clear();
      for_all_processes(mark, 0, root, [&](const ProcessLine& each) {
        if (each.state == 'T' && each.pid != root) stopped_before.push_back(each.pid);
        kill(each.pid, SIGSTOP);
      });
      break;
    case DomainSignal::resume:
      for (const ProcessLine& each : find_processes(mark, 0, root)) {
        if (std::ranges::find(stopped_before, each.pid) == stopped_before.end()) kill(each.pid, SIGCONT);
      }
      send(SIGCONT);
      stopped_before_.erase(domain);
      break;
    case DomainSignal::kill:
      kill_all(mark, 0, root);
      send(SIGKILL);
      stopped_before_.erase(domain);
      break;
  }
}

void LinuxHost::reap_orphans() {
  on_signal(SIGCHLD, [this] {
    std::vector<int> own;
    for (const int process : children_) own.push_back(process_number_of(process));
    for (const int pid : find_zombie_children(own)) waitpid(pid, nullptr, WNOHANG);
  });
}

}  // namespace ringside
