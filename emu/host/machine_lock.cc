// Taking, handing over and reading the lock file.
#include "emu/host/machine_lock.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>

namespace ringside {

namespace {

constexpr const char* cannot_use = "cannot use the machine directory";
/// The longest time between the holder's lock and its process id in the file.
constexpr std::chrono::seconds holder_patience{1};

// The file has two lines: the holder, always of one size, and then whether the machine made the directory.
// The process that made the directory writes the second line, with the lock or without.
constexpr std::string_view made_line = "made\n";

std::string holder_line(int pid) {
  return fmt::format("ringside-machine {:>10}\n", pid);
}

Result<> write_at(const Machine& machine, const Fd& fd, std::string_view text, std::size_t offset) {
  if (pwrite(fd.get(), text.data(), text.size(), static_cast<off_t>(offset)) ==
      static_cast<ssize_t>(text.size()))
    return Done{};
  return system_error("cannot write", machine.lock_file());
}

Result<> write_holder(const Machine& machine, const Fd& fd) {
  return write_at(machine, fd, holder_line(getpid()), 0);
}

Result<> write_made(const Machine& machine) {
  const Fd fd(open(machine.lock_file().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return system_error("cannot open", machine.lock_file());
  return write_at(machine, fd, made_line, holder_line(0).size());
}

Error has_it(const Machine& machine) {
  const auto until = std::chrono::steady_clock::now() + holder_patience;
  auto mark = MachineMark::read(machine);
  // Until it is written, the file is empty, or names the previous holder.
  const auto lives = [&] { return mark && (kill(mark->pid, 0) == 0 || errno == EPERM); };
  for (; !lives() && std::chrono::steady_clock::now() < until; mark = MachineMark::read(machine))
    poll(nullptr, 0, 1);
  return {EBUSY, "cannot take the machine directory", machine.directory(),
          lives() ? fmt::format("process {} has it", mark->pid) : "another process has it",
          "a machine runs or starts there: ringside down ends it, --dir names another"};
}

bool is_same_file(const Fd& fd, const std::string& path) {
  struct stat open_one {};
  struct stat named {};
  return fstat(fd.get(), &open_one) == 0 && lstat(path.c_str(), &named) == 0 &&
         open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

/// The file has never had a holder.
bool is_new(const Fd& fd) {
  char first = 0;
  return pread(fd.get(), &first, 1, 0) == 0 || first == 0;
}

}  // namespace

Result<std::optional<Fd>> lock_file(const std::string& path, bool make) {
  for (;;) {
    Fd fd(open(path.c_str(), O_RDWR | (make ? O_CREAT : 0) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
    if (!fd.valid()) return system_error("cannot open", path);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    if (fcntl(fd.get(), F_OFD_SETLK, &lock) != 0) {
      if (errno == EAGAIN || errno == EACCES) return std::optional<Fd>();
      return system_error("cannot lock", path);
    }
    // The previous holder may have removed it between the two calls: then this is the lock of a removed file.
    if (is_same_file(fd, path)) return std::optional<Fd>(std::move(fd));
  }
}

std::optional<MachineMark> MachineMark::read(const Machine& machine) {
  struct stat status {};
  if (lstat(machine.lock_file().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  std::ifstream file(machine.lock_file());
  std::string line;
  std::getline(file, line);
  MachineMark mark;
  if (std::sscanf(line.c_str(), "ringside-machine %d", &mark.pid) != 1) return std::nullopt;
  mark.made_directory = std::getline(file, line) && line + "\n" == made_line;
  return mark;
}

Result<MachineLock> MachineLock::take(const Machine& machine) {
  if (auto fits = machine.check_path(); !fits) return fits.error();
  const bool made = mkdir(machine.directory().c_str(), 0700) == 0;
  if (!made && errno != EEXIST) {
    return system_error("cannot make the machine directory", machine.directory(), "give another with --dir");
  }
  if (made) {
    if (auto written = write_made(machine); !written) return written.error();
  }
  if (auto good = machine.check(); !good) return good.error();
  auto locked = lock_file(machine.lock_file(), true);
  if (!locked) return locked.error();
  if (!locked->has_value()) return has_it(machine);
  MachineLock lock(machine, std::move(**locked));
  if (is_new(lock.fd_)) {
    if (const auto foreign = machine.find_foreign()) {
      unlink(machine.lock_file().c_str());
      return Error{EEXIST, cannot_use, machine.directory(),
                   *foreign + " is in it, and does not belong to a machine",
                   "move it away, or give another directory with --dir"};
    }
  } else if (!MachineMark::read(machine)) {
    return Error{EEXIST, cannot_use, machine.lock_file(), "it does not belong to a machine",
                 "move it away, or give another directory with --dir"};
  }
  if (auto written = write_holder(machine, lock.fd_); !written) return written.error();
  if (mkdir(machine.journal_directory().c_str(), 0700) != 0 && errno != EEXIST)
    return system_error("cannot make the journal's directory", machine.journal_directory());
  return lock;
}

Result<std::optional<MachineLock>> MachineLock::take_left(const Machine& machine) {
  if (!MachineMark::read(machine)) return std::optional<MachineLock>();
  auto locked = lock_file(machine.lock_file(), false);
  if (!locked && locked.error().code == ENOENT) return std::optional<MachineLock>();
  if (!locked) return locked.error();
  if (!locked->has_value()) return has_it(machine);
  return std::optional<MachineLock>(MachineLock(machine, std::move(**locked)));
}

Result<MachineLock> MachineLock::inherit(const Machine& machine, int descriptor) {
  MachineLock lock(machine, Fd(descriptor));
  if (!MachineMark::read(machine) || fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0 ||
      !is_same_file(lock.fd_, machine.lock_file())) {
    return Error{EBADF, cannot_use, machine.directory(), "the parent process has not locked it", ""};
  }
  if (auto written = write_holder(machine, lock.fd_); !written) return written.error();
  return lock;
}

}  // namespace ringside
