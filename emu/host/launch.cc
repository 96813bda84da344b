// fork, exec and the steps between them; pid files; ending processes.
#include "emu/host/launch.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>
#include <string_view>

#include "emu/host/linux_descriptors.h"
#include "emu/host/machine_lock.h"

namespace ringside {

namespace {

constexpr int ready_timeout_ms = 20'000;
constexpr char launched_setting[] = "RINGSIDE_LAUNCHED";
constexpr char stopped_value[] = "stopped";

/// The last line of a log that is not empty.
std::string last_line_of(const std::string& path) {
  std::ifstream log(path);
  std::string line;
  std::string last;
  while (std::getline(log, line)) {
    if (!line.empty()) last = line;
  }
  return last;
}

void limit_memory(std::uint64_t bytes_max) {
#if !defined(__SANITIZE_ADDRESS__)
  const rlimit limit{bytes_max, bytes_max};
  if (bytes_max != 0) setrlimit(RLIMIT_AS, &limit);
#else
  (void)bytes_max;
#endif
}

bool is_program(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && access(path.c_str(), X_OK) == 0;
}

/// In the child: arranges descriptors 0 to 5, becomes the program.
[[noreturn]] void become(const LaunchSpec& spec, int parent, int log, int ready_out) {
  setsid();
  // SIGKILL, because a stopped process does not react to SIGTERM.
  if (spec.dies_with_us) prctl(PR_SET_PDEATHSIG, SIGKILL);
  // A parent that ended before this call sends no signal any more.
  if (getppid() != parent) _exit(1);
  const int connection = spec.connection != nullptr ? spec.connection->number() : -1;
  // Copies to numbers above the fixed ones first, so that no dup2 below overwrites one that is still needed.
  const int high_log = fcntl(log, F_DUPFD_CLOEXEC, 10);
  const int high_ready = fcntl(ready_out, F_DUPFD_CLOEXEC, 10);
  const int high_connection = connection >= 0 ? fcntl(connection, F_DUPFD_CLOEXEC, 10) : -1;
  const int high_lock = spec.lock >= 0 ? fcntl(spec.lock, F_DUPFD_CLOEXEC, 10) : -1;
  const int nothing = fcntl(open("/dev/null", O_RDONLY | O_CLOEXEC), F_DUPFD_CLOEXEC, 10);
  dup2(nothing, 0);
  dup2(high_log, 1);
  dup2(high_log, 2);
  dup2(high_ready, ready_descriptor);
  // Other descriptors of the starting process are for neither the machine nor a guest.
  close_range(ready_descriptor + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  if (high_connection >= 0) dup2(high_connection, connection_descriptor);
  if (high_lock >= 0) dup2(high_lock, lock_descriptor);
  limit_memory(spec.memory_bytes_max);
  for (int number = 1; number < NSIG; ++number) std::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  setenv(launched_setting, spec.stopped ? stopped_value : "1", 1);
  for (const std::string& setting : spec.environment) putenv(const_cast<char*>(setting.c_str()));
  std::vector<char*> pointers;
  std::string name = "ringside";
  pointers.push_back(name.data());
  for (const std::string& word : spec.arguments) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  execv("/proc/self/exe", pointers.data());
  _exit(127);
}

}  // namespace

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return is_program(name) ? name : "";
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::string candidate = (folder.empty() ? "." : folder) + "/" + name;
    if (is_program(candidate)) return candidate;
  }
  return "";
}

Result<Handle> launch(LinuxHost& host, const LaunchSpec& spec) {
  const std::string& name = spec.arguments.at(0);
  const char* what = "cannot start";
  const Fd log(open(spec.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!log.valid()) return system_error(what, name + " with log " + spec.log_path);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return system_error(what, name);
  const Fd ready_in(ends[0]);
  Fd ready_out(ends[1]);
  const int parent = getpid();
  const int pid = fork_until_exec();
  if (pid < 0) return system_error(what, name);
  if (pid == 0) become(spec, parent, log.get(), ready_out.get());
  ready_out = Fd(-1);
  auto process = host.child_open(pid);
  if (!process) return process;
  const auto ended = [&]() -> Error {
    const std::string words = last_line_of(spec.log_path);
    return {ECHILD, what, name, words.empty() ? "it ended at once" : words, "its log: " + spec.log_path};
  };
  if (spec.stopped) {
    int status = 0;
    waitpid(pid, &status, WUNTRACED);
    if (!WIFSTOPPED(status)) return ended();
    return process;
  }
  if (!spec.awaited) return process;
  pollfd waiting{ready_in.get(), POLLIN, 0};
  char word = 0;
  if (poll(&waiting, 1, ready_timeout_ms) == 1 && read(ready_in.get(), &word, 1) == 1) return process;
  end_process(pid, 0);
  waitpid(pid, nullptr, 0);
  return ended();
}

Result<Worker> launch_worker(LinuxHost& host, std::vector<std::string> arguments,
                             std::uint64_t memory_bytes_max) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return system_error("cannot start", arguments.at(0));
  Handle ours = host.adopt(ends[0]);
  const Handle its = host.adopt(ends[1]);
  fcntl(ours.number(), F_SETFL, O_NONBLOCK);
  auto process = launch(host, {.arguments = std::move(arguments),
                               .environment = {},
                               .log_path = "/dev/null",
                               .connection = &its,
                               .dies_with_us = true,
                               .awaited = false,
                               .memory_bytes_max = memory_bytes_max});
  if (!process) return process.error();
  return Worker{std::move(*process), std::move(ours)};
}

void wait_for_resume() {
  const char* value = std::getenv(launched_setting);
  if (value == nullptr || std::string(value) != stopped_value) return;
  unsetenv(launched_setting);
  raise(SIGSTOP);
}

void adopt_orphans() {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
}

Error become_program(const std::vector<std::string>& arguments) {
  const std::string& name = arguments.at(0);
  const char* what = "cannot start the program";
  const std::string path = find_program(name);
  if (path.empty()) return {ENOENT, what, name, "there is no such program", "is it installed, and in PATH?"};
  wait_for_resume();
  setenv("RINGSIDE_CONNECTION", std::to_string(connection_descriptor).c_str(), 1);
  close(ready_descriptor);
  std::vector<char*> pointers;
  for (const std::string& word : arguments) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  execv(path.c_str(), pointers.data());
  return system_error(what, path);
}

void ready() {
  // When run by hand, descriptor 3 is closed or is another file.
  if (std::getenv(launched_setting) == nullptr) return;
  unsetenv(launched_setting);
  (void)!write(ready_descriptor, "r", 1);
  close(ready_descriptor);
}

int own_number() {
  return getpid();
}

std::string own_program() {
  std::array<char, PATH_MAX> path{};
  const ssize_t size = readlink("/proc/self/exe", path.data(), path.size() - 1);
  if (size <= 0) return "ringside";
  std::string program(path.data(), static_cast<std::size_t>(size));
  // A program that was built again while it runs: the new one has its path.
  constexpr std::string_view replaced = " (deleted)";
  if (program.ends_with(replaced) && !is_program(program)) program.resize(program.size() - replaced.size());
  return program;
}

Result<PidFile> PidFile::take(const std::string& path) {
  auto locked = lock_file(path, true);
  if (!locked) return locked.error();
  if (!locked->has_value()) {
    const auto pid = holder(path);
    return Error{EBUSY, "cannot take the pid file", path,
                 pid ? fmt::format("process {} holds it", *pid) : "another process holds it",
                 "the machine is running already; ringside down ends it, --dir names another"};
  }
  Fd fd = std::move(**locked);
  const std::string number = std::to_string(getpid()) + "\n";
  if (ftruncate(fd.get(), 0) != 0 || write(fd.get(), number.data(), number.size()) < 0) {
    return system_error("cannot write the pid file", path);
  }
  return PidFile(path, std::move(fd));
}

Result<> PidFile::keep_after_exec() {
  if (fcntl(fd_.get(), F_SETFD, 0) != 0) return system_error("cannot keep the pid file", path_);
  return Done{};
}

PidFile::~PidFile() {
  if (fd_.valid()) unlink(path_.c_str());
}

std::optional<int> PidFile::holder(const std::string& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return std::nullopt;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (fcntl(fd.get(), F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return std::nullopt;
  std::ifstream file(path);
  int pid = 0;
  if (!(file >> pid) || pid <= 0) return std::nullopt;
  return pid;
}

void end_process(int pid, int patience_ms) {
  const Fd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!process.valid()) return;
  const auto signal_and_wait = [&](int number, int timeout_ms) {
    syscall(SYS_pidfd_send_signal, process.get(), number, nullptr, 0);
    // A stopped process must run to receive the signal.
    syscall(SYS_pidfd_send_signal, process.get(), SIGCONT, nullptr, 0);
    pollfd waiting{process.get(), POLLIN, 0};
    return poll(&waiting, 1, timeout_ms) == 1;
  };
  if (patience_ms > 0 && signal_and_wait(SIGTERM, patience_ms)) return;
  signal_and_wait(SIGKILL, 5000);
}

std::string temporary_name() {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789";
  constexpr std::size_t letters_count = 8;
  const char* base = std::getenv("TMPDIR");
  std::string path = std::string(base != nullptr && *base == '/' ? base : "/tmp") + "/ringside-";
  std::random_device source;
  for (std::size_t i = 0; i < letters_count; ++i) path += letters[source() % letters.size()];
  return path;
}

Result<> make_directory(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0) return Done{};
  return system_error("cannot make a temporary directory", path,
                      "TMPDIR names the folder that it is made in");
}

Result<std::string> make_temporary_directory() {
  std::string path = temporary_name();
  if (auto made = make_directory(path); !made) return made.error();
  return path;
}

}  // namespace ringside
