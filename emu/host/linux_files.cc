// Ptys whose other side users open by name, and files, fifos and terminals that users name.
//
// Whether a pty's other side is open is seen from its controlling side, which is hung up while no process has
// it open. inotify only says when to look: its messages cannot be counted, since it merges several equal ones
// into one.
#include "emu/host/linux_files.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

namespace ringside {

namespace {

constexpr int open_flags = O_NOCTTY | O_NONBLOCK | O_CLOEXEC;

std::string other_side(int terminal) {
  std::array<char, PATH_MAX> name{};
  return ptsname_r(terminal, name.data(), name.size()) == 0 ? std::string(name.data()) : std::string();
}

Fd open_other_side(int terminal) {
  return Fd(open(other_side(terminal).c_str(), O_RDWR | open_flags));
}

/// 0: the path does not exist.
mode_t kind_of(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 ? status.st_mode & S_IFMT : 0;
}

}  // namespace

// -- ptys

Result<Host::Pty> LinuxHost::pty_create() {
  const char* what = "cannot make a pty";
  Fd terminal(posix_openpt(O_RDWR | open_flags));
  if (!terminal.valid() || grantpt(terminal.get()) != 0 || unlockpt(terminal.get()) != 0)
    return system_error(what, "/dev/ptmx");
  std::string path = other_side(terminal.get());
  // Raw, and hung up from the beginning: this open and close of the other side makes the controlling side
  // report that it is not open.
  const Fd side = open_other_side(terminal.get());
  termios mode{};
  if (!side.valid() || tcgetattr(side.get(), &mode) != 0) return system_error(what, path);
  cfmakeraw(&mode);
  if (tcsetattr(side.get(), TCSANOW, &mode) != 0) return system_error(what, path);
  return Pty{adopt(terminal.release()), std::move(path)};
}

Result<> LinuxHost::pty_watch(const Handle& terminal, std::function<void()> changed) {
  return files_->watch(terminal.number(), std::move(changed));
}

bool LinuxHost::pty_is_open(const Handle& terminal) {
  pollfd look{terminal.number(), 0, 0};
  return poll(&look, 1, 0) >= 0 && (look.revents & POLLHUP) == 0;
}

bool LinuxHost::pty_has_unread(const Handle& terminal) {
  const Fd side = open_other_side(terminal.number());
  if (!side.valid()) return false;
  // A kernel worker delivers written bytes, and may be late on a busy computer. poll waits for the worker; it
  // does not say how many bytes there are when a reader has asked for many at a time.
  pollfd arrived{side.get(), POLLIN, 0};
  (void)poll(&arrived, 1, 0);
  int bytes = 0;
  return ioctl(side.get(), FIONREAD, &bytes) == 0 && bytes != 0;
}

std::vector<std::uint8_t> LinuxHost::pty_take_back(const Handle& terminal) {
  std::vector<std::uint8_t> unread;
  const Fd side = open_other_side(terminal.number());
  std::array<std::uint8_t, 4096> piece;
  while (side.valid()) {
    const ssize_t count = ::read(side.get(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    unread.insert(unread.end(), piece.begin(), piece.begin() + count);
  }
  return unread;
}

LinuxHost::Files::~Files() {
  if (notices.valid()) loop.unwatch(notices.get());
}

Result<> LinuxHost::Files::watch(int terminal, std::function<void()> changed) {
  const std::string path = other_side(terminal);
  if (!notices.valid()) {
    Fd opened(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (!opened.valid()) return system_error("cannot watch a pty", path);
    notices = std::move(opened);
    loop.watch(notices.get(), {.read = true}, [this](Ready) { take_notices(); });
  }
  const int number = inotify_add_watch(notices.get(), path.c_str(), IN_OPEN | IN_CLOSE);
  if (number < 0) return system_error("cannot watch a pty", path, "raise fs.inotify.max_user_watches");
  watches[number] = {terminal, std::move(changed)};
  watch_of[terminal] = number;
  return Done{};
}

void LinuxHost::Files::take_notices() {
  alignas(inotify_event) std::array<char, 4096> notice;
  const ssize_t count = ::read(notices.get(), notice.data(), notice.size());
  for (ssize_t at = 0; at + static_cast<ssize_t>(sizeof(inotify_event)) <= count;) {
    inotify_event event{};
    std::memcpy(&event, notice.data() + at, sizeof event);
    at += static_cast<ssize_t>(sizeof event + event.len);
    // Some messages were lost: any of them may have been about any pty.
    const bool about_all = (event.mask & IN_Q_OVERFLOW) != 0;
    std::vector<int> concerned;
    for (const auto& [number, watch] : watches) {
      if (about_all || number == event.wd) concerned.push_back(number);
    }
    for (const int number : concerned) {
      // The callback may end this watch, and others.
      const auto found = watches.find(number);
      if (found == watches.end()) continue;
      const auto changed = found->second.changed;
      changed();
    }
  }
}

void LinuxHost::Files::closing(int fd) {
  raw.erase(fd);
  const auto found = watch_of.find(fd);
  if (found == watch_of.end()) return;
  inotify_rm_watch(notices.get(), found->second);
  watches.erase(found->second);
  watch_of.erase(found);
}

// -- files

Result<Host::File> LinuxHost::file_open(const std::string& path, FileUse use) {
  const char* what = "cannot open";
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return system_error(what, path);
  FileKind kind = FileKind::regular;
  int mode = use == FileUse::output ? O_WRONLY | O_APPEND : O_RDONLY;
  if (S_ISDIR(status.st_mode)) return Error{EISDIR, what, path, "it is a directory", ""};
  if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) {
    kind = S_ISFIFO(status.st_mode) ? FileKind::pipe : FileKind::terminal;
    mode = O_RDWR;
  } else if (!S_ISREG(status.st_mode)) {
    return Error{EINVAL, what, path, "it is neither a file nor a fifo nor a terminal", ""};
  }
  Fd fd(open(path.c_str(), mode | open_flags));
  if (!fd.valid()) return system_error(what, path);
  // /dev/null and similar.
  if (kind == FileKind::terminal && !is_terminal(fd.get())) kind = FileKind::regular;
  const int number = fd.get();
  Handle handle = adopt(fd.release());
  if (kind == FileKind::terminal)
    files_->raw[number] = std::make_unique<RawTerminal>(number, RawTerminal::When::now);
  return File{std::move(handle), kind};
}

/// A process that opens the path meanwhile finds either the old link or the new one.
Result<> LinuxHost::link_make(const std::string& path, const std::string& target) {
  const char* what = "cannot make the link";
  if (const auto kind = kind_of(path); kind != 0 && kind != S_IFLNK)
    return Error{EEXIST, what, path, "it exists and is not a link", "move it away"};
  const std::string made = path + ".new";
  link_remove(made);
  if (symlink(target.c_str(), made.c_str()) != 0) return system_error(what, made);
  if (rename(made.c_str(), path.c_str()) != 0) return system_error(what, path);
  return Done{};
}

void LinuxHost::link_remove(const std::string& path) {
  if (kind_of(path) == S_IFLNK) unlink(path.c_str());
}

}  // namespace ringside
