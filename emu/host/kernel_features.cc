// Each feature is used for a moment; what could change the process is tried in a child.
#include "emu/host/kernel_features.h"

#include <fcntl.h>
#include <gnu/libc-version.h>
#include <linux/seccomp.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "emu/host/linux_client.h"
#include "emu/host/linux_descriptors.h"

namespace ringside {

namespace {

Error refused(const std::string& object) {
  return system_error("cannot use", object);
}

/// Runs `act` in a child, which reports 0 or an errno value as its exit status.
template <class Act>
Result<> in_child(const std::string& object, Act act) {
  const pid_t child = fork();
  if (child < 0) return system_error("cannot start a process", object);
  if (child == 0) _exit(act());
  int status = 0;
  if (waitpid(child, &status, 0) != child) return refused(object);
  errno = WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
  if (errno == 0) return Done{};
  return refused(object);
}

std::optional<std::uint64_t> unless_unlimited(rlim_t limit) {
  if (limit == RLIM_INFINITY) return std::nullopt;
  return limit;
}

rlimit limits_of(decltype(RLIMIT_NOFILE) which) {
  rlimit limits{RLIM_INFINITY, RLIM_INFINITY};
  getrlimit(which, &limits);
  return limits;
}

}  // namespace

Result<> try_sealed_memory() {
  constexpr std::size_t bytes = 4096;
  const Fd memory(memfd_create("ringside-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory.valid()) return refused("memfd_create");
  if (ftruncate(memory.get(), bytes) != 0) return refused("a memfd");
  if (fcntl(memory.get(), F_ADD_SEALS, frame_seals()) != 0) return refused("a memfd's seals");
  void* mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
  if (mapped == MAP_FAILED) return refused("mmap of a memfd");
  munmap(mapped, bytes);
  return Done{};
}

Result<> try_eventfd() {
  const Fd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event.valid()) return refused("eventfd");
  return Done{};
}

Result<> try_descriptor_passing() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return refused("unix packet sockets");
  const Fd left(ends[0]);
  const Fd right(ends[1]);
  char byte = 'x';
  iovec piece{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  *reinterpret_cast<int*>(CMSG_DATA(header)) = left.get();
  if (sendmsg(left.get(), &message, MSG_NOSIGNAL) != 1) return refused("SCM_RIGHTS");
  if (recvmsg(right.get(), &message, MSG_CMSG_CLOEXEC) != 1) return refused("SCM_RIGHTS");
  header = CMSG_FIRSTHDR(&message);
  errno = EPROTO;
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return refused("SCM_RIGHTS");
  const Fd passed(*reinterpret_cast<int*>(CMSG_DATA(header)));
  return Done{};
}

Result<> try_pty() {
  const Fd controller(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!controller.valid()) return refused("/dev/ptmx");
  if (grantpt(controller.get()) != 0 || unlockpt(controller.get()) != 0) return refused("/dev/ptmx");
  std::array<char, 64> path{};
  if (ptsname_r(controller.get(), path.data(), path.size()) != 0) return refused("/dev/pts");
  const Fd terminal(open(path.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal.valid()) return refused(path.data());
  return Done{};
}

Result<> try_pidfd() {
  const Fd process(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  if (!process.valid()) return refused("pidfd_open");
  return Done{};
}

Result<> try_subreaper() {
  return in_child("PR_SET_CHILD_SUBREAPER", [] { return prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 ? 0 : errno; });
}

Result<> try_proc() {
  const std::string own = "/proc/" + std::to_string(getpid());
  const std::string children = "/proc/self/task/" + own.substr(6) + "/children";
  for (const std::string& path : {own + "/environ", own + "/stat", children}) {
    const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) return refused(path);
  }
  return Done{};
}

Result<> try_inotify() {
  const Fd notices(inotify_init1(IN_CLOEXEC));
  if (!notices.valid()) return refused("inotify");
  return Done{};
}

Result<> try_seccomp() {
  const unsigned action = SECCOMP_RET_TRAP;
  if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0) return Done{};
  return refused("seccomp");
}

Result<> try_tracing() {
  return in_child("ptrace", [] { return ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 0 : errno; });
}

Result<> try_fixed_addresses() {
  return in_child("personality(ADDR_NO_RANDOMIZE)",
                  [] { return personality(ADDR_NO_RANDOMIZE) != -1 ? 0 : errno; });
}

Result<> try_directory(const std::string& path) {
  std::error_code code;
  std::filesystem::path made;  // the topmost that did not exist
  for (std::filesystem::path each = path; !each.empty() && !std::filesystem::exists(each, code);
       each = each.parent_path())
    made = each;
  const auto undo = [&] {
    if (!made.empty()) std::filesystem::remove_all(made, code);
  };
  if (!made.empty()) {
    std::filesystem::create_directories(path, code);
    if (code) {
      const int why = code.value();
      undo();
      return Error{why, "cannot make", path, code.message(), ""};
    }
  }
  constexpr std::size_t journal_bytes = 1 << 20;
  if (file_bytes_max().value_or(journal_bytes) < journal_bytes) {  // writing would be a SIGXFSZ
    undo();
    errno = EFBIG;
    return system_error("cannot write in", path, "ulimit -f");
  }
  const std::string name = path + "/doctor-" + std::to_string(getpid());
  const Fd file(open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) {
    Error error = system_error("cannot write in", path);
    undo();
    return error;
  }
  const int full = allocate_file(file.get(), 0, journal_bytes);
  unlink(name.c_str());
  undo();
  errno = full;
  if (full != 0) return system_error("cannot write in", path);
  return Done{};
}

std::optional<std::uint64_t> descriptors_max() {
  return unless_unlimited(limits_of(RLIMIT_NOFILE).rlim_max);
}

std::optional<std::uint64_t> processes_max() {
  return unless_unlimited(limits_of(RLIMIT_NPROC).rlim_cur);
}

std::optional<std::uint64_t> file_bytes_max() {
  return unless_unlimited(limits_of(RLIMIT_FSIZE).rlim_cur);
}

std::string kernel_version() {
  utsname system{};
  uname(&system);
  return std::string(system.sysname) + " " + system.release;
}

std::string libc_version() {
  return std::string("glibc ") + gnu_get_libc_version();
}

}  // namespace ringside
