// Unix sockets by path: listening, connecting, and handling the file that a dead listener left.
#include "emu/host/linux_sockets.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ringside {

namespace {

struct LocalAddress {
  sockaddr_un address{};
  bool fits = false;

  explicit LocalAddress(const std::string& path) {
    address.sun_family = AF_UNIX;
    fits = path.size() < sizeof address.sun_path;
    if (fits) std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  }
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

Error path_too_long(const char* what, const std::string& path) {
  return {ENAMETOOLONG, what, path, "the path of a socket has at most 107 bytes", "give a shorter --dir"};
}

struct stat look_at(const std::string& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) status.st_mode = 0;
  return status;
}

/// Whether a socket file's listener is gone. A live one accepts, or at least does not refuse.
bool is_stale(const LocalAddress& address, int type) {
  const Fd probe(socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return connect(probe.get(), address.get(), sizeof address.address) != 0 && errno == ECONNREFUSED;
}

}  // namespace

Result<Fd> listen_on_path(const std::string& path, int type) {
  const char* what = "cannot listen";
  const LocalAddress address(path);
  if (!address.fits) return path_too_long(what, path);
  Fd fd(socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return system_error(what, path);
  const mode_t there = look_at(path).st_mode;
  if (there != 0 && !S_ISSOCK(there)) {
    return Error{EEXIST, what, path, "it exists and is not a socket", "move it away, or give another path"};
  }
  if (there != 0 && is_stale(address, type)) unlink(path.c_str());
  const mode_t before = umask(0177);
  const int bound = bind(fd.get(), address.get(), sizeof address.address);
  const int why = errno;
  umask(before);
  errno = why;
  if (bound != 0)
    return system_error(what, path, why == EADDRINUSE ? "another process serves it already" : "");
  if (listen(fd.get(), listen_backlog) != 0) return system_error(what, path);
  return fd;
}

Result<Fd> connect_to_path(const std::string& path, int type) {
  const char* what = "cannot connect";
  const LocalAddress address(path);
  if (!address.fits) return path_too_long(what, path);
  Fd fd(socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return system_error(what, path);
  if (connect(fd.get(), address.get(), sizeof address.address) != 0) return system_error(what, path);
  return fd;
}

SocketFile::SocketFile(std::string path) : path_(std::move(path)) {
  const struct stat made = look_at(path_);
  device_ = made.st_dev;
  number_ = made.st_ino;
}

void SocketFile::remove() const {
  const struct stat now = look_at(path_);
  if (S_ISSOCK(now.st_mode) && now.st_dev == device_ && now.st_ino == number_) unlink(path_.c_str());
}

}  // namespace ringside
