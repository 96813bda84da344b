// The system calls that a sealed process may not make, each tried in a separate process, and those that it
// may make.
#include "emu/host/seal.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "test/catch.h"
#include "test/child_process.h"

namespace seal_test {

using namespace ringside;

namespace {

constexpr std::array all{Sealed::xen,  Sealed::xcs,     Sealed::xcs_early,
                         Sealed::xend, Sealed::xenctld, Sealed::domu};

/// Runs `act` in a child, sealed as `process`. Keeps its stderr.
ChildEnd try_sealed(Sealed process, const std::function<void()>& act) {
  return in_child(STDERR_FILENO, [&] {
    if (!seal(process, "who")) _exit(2);
    act();
  });
}

struct Attempt {
  const char* call;
  std::function<void()> act;
  std::set<Sealed> may = {};
};

std::vector<Attempt> attempts() {
  const int other = getpid();
  const std::set<Sealed> with_files{Sealed::xcs_early, Sealed::xend, Sealed::xenctld};
  std::vector<Attempt> tried{
      {"execve", [] { execl("/bin/true", "true", nullptr); }},
      {"execveat", [] { syscall(SYS_execveat, AT_FDCWD, "/bin/true", nullptr, nullptr, 0); }},
      {"ptrace", [=] { ptrace(PTRACE_SEIZE, other, nullptr, nullptr); }},
      {"process_vm_writev", [=] { syscall(SYS_process_vm_writev, other, nullptr, 0, nullptr, 0, 0); }},
      {"mount", [] { mount("none", "/nowhere", "tmpfs", 0, nullptr); }},
      {"unshare", [] { syscall(SYS_unshare, CLONE_NEWUSER); }},
      {"clone", [] { syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, nullptr); }},
      {"clone", [] { syscall(SYS_clone, CLONE_VM | SIGCHLD, nullptr, nullptr, nullptr, nullptr); }},
      {"setuid", [] { syscall(SYS_setuid, 0); }},
      {"prctl", [] { prctl(PR_SET_DUMPABLE, 1); }},
      {"bpf", [] { syscall(SYS_bpf, 0, nullptr, 0); }},
      {"socket", [] { (void)!socket(AF_NETLINK, SOCK_RAW, 0); }},
      {"socket", [] { (void)!socket(AF_INET, SOCK_STREAM, 0); }, {Sealed::xend}},
      {"socket", [] { (void)!socket(AF_UNIX, SOCK_STREAM, 0); }, {Sealed::xend}},
      {"connect", [] { (void)connect(0, nullptr, 0); }, {Sealed::xend}},
      {"bind", [] { (void)bind(0, nullptr, 0); }, {Sealed::xend}},
      {"openat", [] { (void)!open("/dev/null", O_WRONLY); }, with_files},
      {"openat", [] { (void)!open("/dev/null", O_RDWR); }, with_files},
      {"openat", [] { (void)!open("/tmp", O_TMPFILE | O_WRONLY, 0600); }, with_files},
      {"ftruncate",
       [] { (void)!ftruncate(0, 0); },
       {Sealed::xen, Sealed::xcs_early, Sealed::xend, Sealed::xenctld}},
      {"mkdirat", [] { syscall(SYS_mkdirat, AT_FDCWD, "/nowhere/at", 0700); }},
      {"symlinkat", [] { syscall(SYS_symlinkat, "a", AT_FDCWD, "/nowhere/at"); }, {Sealed::xenctld}},
      {"fchmodat", [] { syscall(SYS_fchmodat, AT_FDCWD, "/nowhere", 0700); }},
      {"mmap", [] { (void)mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }},
      {"mprotect", [] { mprotect(nullptr, 0, PROT_READ | PROT_EXEC); }},
      {"memfd_create", [] { (void)!memfd_create("", MFD_CLOEXEC); }, {Sealed::xen}},
      {"pidfd_send_signal", [] { syscall(SYS_pidfd_send_signal, -1, 0, nullptr, 0); }, {Sealed::xen}},
      {"pidfd_getfd", [] { syscall(SYS_pidfd_getfd, -1, 0, 0); }},
      {"ioctl", [] { ioctl(0, TIOCSTI, ""); }},
      {"tgkill", [=] { syscall(SYS_tgkill, other, other, 0); }},
  };
  // No process has this number.
  constexpr int no_process = 1 << 30;
  const auto signal = [&](int number, std::set<Sealed> may) {
    tried.push_back({"kill", [number] { kill(no_process, number); }, std::move(may)});
  };
  signal(SIGTERM, {});
  signal(SIGUSR1, {});
  signal(SIGKILL, {Sealed::xen, Sealed::domu});
  signal(SIGSTOP, {Sealed::xen, Sealed::domu});
  signal(SIGCONT, {Sealed::xen, Sealed::xcs, Sealed::xcs_early, Sealed::xend, Sealed::xenctld});
  return tried;
}

}  // namespace

TEST_CASE("a sealed process dies at a call that it does not need, and names it") {
  if (!can_seal()) return;
  for (const Sealed process : all) {
    std::size_t number = 0;
    for (const Attempt& attempt : attempts()) {
      INFO("process " << static_cast<int>(process) << ", attempt " << number++ << ": " << attempt.call);
      const ChildEnd end = try_sealed(process, attempt.act);
      if (attempt.may.contains(process)) {
        CHECK(end.signal == 0);
        CHECK(end.said.empty());
        continue;
      }
      CHECK(end.signal == SIGSYS);
      CHECK(end.said.starts_with("ringside: who: ended by itself: system call "));
      CHECK(end.said.find("(" + std::string(attempt.call) + ")") != std::string::npos);
    }
  }
}

TEST_CASE("a sealed process may still use memory, read files, have a child, and end") {
  for (const Sealed process : all) {
    INFO("process " << static_cast<int>(process));
    const ChildEnd end = try_sealed(process, [] {
      std::vector<std::vector<char>> pieces;
      for (int each = 0; each < 20; ++each) pieces.emplace_back(1000000, 'x');
      pieces.clear();
      std::ifstream file("/proc/self/stat");
      std::string line;
      if (!std::getline(file, line)) _exit(3);
      int ends[2];
      if (pipe2(ends, O_CLOEXEC) != 0) _exit(4);
      close_in_child(ends[0]);
      // close_in_child() closes the descriptor in this process, too.
      if (fcntl(ends[0], F_GETFD) != -1) _exit(5);
    });
    CHECK(end.signal == 0);
    CHECK(end.status == 0);
    CHECK(end.said.empty());
    CHECK(try_sealed(process, [] { std::abort(); }).signal == SIGABRT);
  }
}

TEST_CASE("a sealed process gets no new privileges, with a list of calls or without") {
  for (const Sealed process : all) {
    const ChildEnd end = try_sealed(process, [] {
      std::ifstream file("/proc/self/status");
      bool privileges = false;
      bool calls = false;
      for (std::string line; std::getline(file, line);) {
        privileges |= line == "NoNewPrivs:\t1";
        calls |= line == "Seccomp:\t2";
      }
      // A container may have its own filter.
      _exit(privileges && (calls || !can_seal()) ? 0 : 1);
    });
    CHECK(end.signal == 0);
    CHECK(end.status == 0);
  }
}

}  // namespace seal_test
