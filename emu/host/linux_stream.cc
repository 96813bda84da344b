// Byte streams of the linux host: unix and TCP sockets, and read and write for any descriptor.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "emu/host/linux_descriptors.h"
#include "emu/host/linux_faults.h"
#include "emu/host/linux_host.h"
#include "emu/host/linux_sockets.h"

namespace ringside {

namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

}  // namespace

Result<Handle> LinuxHost::listen_local(const std::string& path) {
  auto fd = listen_on_path(path, SOCK_STREAM);
  if (!fd) return fd.error();
  listening_paths_.emplace(fd->get(), SocketFile(path));
  return adopt(fd->release());
}

Result<Host::TcpListener> LinuxHost::listen_tcp(std::uint16_t port) {
  const char* what = "cannot listen";
  const std::string object = "127.0.0.1 port " + std::to_string(port);
  Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return system_error(what, object);
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address = loopback(port);
  socklen_t size = sizeof address;
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(fd.get(), listen_backlog) != 0 ||
      getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return system_error(what, object);
  }
  return TcpListener{adopt(fd.release()), ntohs(address.sin_port)};
}

Result<Handle> LinuxHost::connect_local(const std::string& path) {
  auto fd = connect_to_path(path, SOCK_STREAM);
  if (!fd) return fd.error();
  if (faults_ != nullptr) faults_->connected(path, fd->get());
  sockets_.insert(fd->get());
  return adopt(fd->release());
}

Result<Handle> LinuxHost::connect_tcp(std::uint16_t port) {
  const char* what = "cannot connect";
  const std::string object = "127.0.0.1 port " + std::to_string(port);
  // Connecting on loopback is immediate, so the socket becomes non-blocking only afterwards.
  Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return system_error(what, object);
  const sockaddr_in address = loopback(port);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return system_error(what, object);
  }
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(fd.get(), F_SETFL, O_NONBLOCK);
  return adopt(fd.release());
}

Result<std::optional<Handle>> LinuxHost::accept(const Handle& listener) {
  Fd fd(accept4(listener.number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (fd.valid()) {
    const int on = 1;
    // Both fail without harm on a unix socket. Urgent bytes, which telnet clients send with Ctrl-C, stay in
    // their place in the stream.
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd.get(), SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
    if (const auto path = listening_paths_.find(listener.number()); path != listening_paths_.end()) {
      sockets_.insert(fd.get());
      if (faults_ != nullptr) faults_->accepted(path->second.path(), fd.get());
    }
    return std::optional(adopt(fd.release()));
  }
  switch (errno) {
    case EAGAIN:
    case EINTR:
    case ECONNABORTED:
      return std::optional<Handle>();
    case EMFILE:
    case ENFILE: {
      const Error error = system_error("cannot take a connection", "", "raise ulimit -n");
      close(std::exchange(spare_fd_, -1));
      const int refused = accept4(listener.number(), nullptr, nullptr, SOCK_CLOEXEC);
      if (refused >= 0) close_socket(refused);
      spare_fd_ = open("/dev/null", O_RDONLY | O_CLOEXEC);
      return error;
    }
    default:
      return system_error("cannot take a connection", "");
  }
}

Io LinuxHost::read(const Handle& stream, std::span<std::uint8_t> into) {
  if (into.empty()) return {Io::State::blocked, 0};
  const bool is_socket = sockets_.contains(stream.number());
  ssize_t count = -1;
  do {
    count = is_socket ? receive_bytes(stream.number(), into.data(), into.size())
                      : ::read(stream.number(), into.data(), into.size());
  } while (count < 0 && errno == EINTR);
  if (count < 0 && errno == EPROTO && is_socket)
    warn("a client sent a descriptor that was not requested: no more is read from it");
  if (count > 0) return {Io::State::moved, static_cast<std::size_t>(count)};
  // A pty whose other side has been closed returns EIO.
  return {count < 0 && errno == EAGAIN ? Io::State::blocked : Io::State::closed, 0};
}

Io LinuxHost::write(const Handle& stream, Bytes bytes) {
  if (bytes.empty()) return {Io::State::blocked, 0};
  if (faults_ == nullptr) return write_now(stream.number(), bytes);
  if (const auto io = faults_->write(stream, bytes)) return *io;
  const Io io = write_now(stream.number(), bytes);
  faults_->wrote_unchecked(stream.number(), io.bytes);
  return io;
}

void LinuxHost::end_output(const Handle& stream) {
  // Fails only if the other side has closed the connection, which the next read reports.
  ::shutdown(stream.number(), SHUT_WR);
}

Io LinuxHost::write_now(int fd, Bytes bytes) {
  ssize_t count = -1;
  do {
    count = ::write(fd, bytes.data(), bytes.size());
  } while (count < 0 && errno == EINTR);
  if (count > 0) return {Io::State::moved, static_cast<std::size_t>(count)};
  if (count == 0 || errno == EAGAIN) return {Io::State::blocked, 0};
  write_error_ = errno;
  return {Io::State::closed, 0};
}

Result<Handle> LinuxHost::standard_stream(int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0)
    return system_error("cannot use descriptor", std::to_string(fd), "is it open?");
  if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) {
    // A new open file description, so that O_NONBLOCK does not change it for the programs that share this
    // one.
    const int mode = fcntl(fd, F_GETFL) & O_ACCMODE;
    const int own =
        open(("/proc/self/fd/" + std::to_string(fd)).c_str(), mode | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (own >= 0) return adopt(own);
  }
  if (S_ISSOCK(status.st_mode)) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return system_error("cannot use descriptor", std::to_string(fd));
  return adopt(copy);
}

}  // namespace ringside
