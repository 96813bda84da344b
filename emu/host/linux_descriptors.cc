// Descriptors, errno texts, and packets with descriptors (SCM_RIGHTS).
#include "emu/host/linux_descriptors.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace ringside {

Fd::~Fd() {
  if (valid()) close(fd_);
}

Error system_error(std::string what, std::string object, std::string advice) {
  const int code = errno;
  return {code, std::move(what), std::move(object), std::strerror(code), std::move(advice)};
}

namespace {

/// The descriptors below are those that a new program gets.
constexpr int first_free_descriptor = 10;

}  // namespace

std::mutex& fork_lock() {
  static std::mutex lock;
  return lock;
}

pid_t fork_until_exec() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  const Fd exec_in(ends[0]);
  Fd exec_out(ends[1]);
  const std::lock_guard lock(fork_lock());
  const pid_t pid = fork();
  if (pid == 0) {
    // Closed by the exec. The number is one that the child does not use for anything else.
    (void)fcntl(exec_out.get(), F_DUPFD_CLOEXEC, first_free_descriptor);
    return 0;
  }
  exec_out = Fd();
  char nothing = 0;
  while (pid > 0 && read(exec_in.get(), &nothing, 1) < 0 && errno == EINTR) {
  }
  return pid;
}

int allocate_file(int descriptor, std::size_t from, std::size_t bytes) {
  // Not posix_fallocate: if the file system cannot allocate, it writes zeros, and other processes may have
  // the file mapped.
  int failed = -1;
  do {
    failed = fallocate(descriptor, 0, static_cast<off_t>(from), static_cast<off_t>(bytes));
  } while (failed != 0 && errno == EINTR);
  if (failed == 0) return 0;
  const int why = errno;
  struct stat status {};
  constexpr std::size_t block_bytes = 512;
  const bool has_room = fstat(descriptor, &status) == 0 &&
                        static_cast<std::size_t>(status.st_blocks) * block_bytes >= from + bytes;
  return why == EOPNOTSUPP && has_room ? 0 : why;
}

namespace {

/// The most descriptors that the kernel allows in one packet (SCM_MAX_FD).
constexpr std::size_t descriptors_sent_max = 253;
/// How many packets of a socket that is being closed are looked at. If there are more, a child closes it.
constexpr int closing_looks_max = 16;

/// Room for the control part of a packet, aligned as the macros require.
struct ControlBuffer {
  alignas(cmsghdr) char bytes[CMSG_SPACE(descriptors_sent_max * sizeof(int))] = {};
};

msghdr message_of(iovec& part) {
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  return message;
}

ssize_t receive_message(int socket, msghdr& message, int flags) {
  ssize_t received = -1;
  do {
    received = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | flags);
  } while (received < 0 && errno == EINTR);
  return received;
}

struct Look {
  ssize_t bytes;     ///< as recvmsg returns
  bool descriptors;  ///< are there descriptors with them
};

/// Copies the next packet and leaves it in the socket. There is no room for descriptors, so the kernel only
/// reports that there are some.
Look look(int socket, void* data, std::size_t bytes) {
  iovec part{data, bytes};
  msghdr message = message_of(part);
  const ssize_t seen = receive_message(socket, message, MSG_PEEK);
  return {seen, seen >= 0 && (message.msg_flags & MSG_CTRUNC) != 0};
}

/// Takes the packets without descriptors out of a socket that is being closed. Returns false when a packet
/// with descriptors is next. The socket has SO_PASSCRED: a sender's credentials tell an empty packet from the
/// end. There is room for them, and for nothing else.
bool drain(int socket) {
  int type = 0;
  socklen_t size = sizeof type;
  const bool has_packets = getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type != SOCK_STREAM;
  std::array<char, 65536> rest;
  for (int looks = 0; looks < closing_looks_max; ++looks) {
    iovec part{rest.data(), rest.size()};
    msghdr message = message_of(part);
    alignas(cmsghdr) char credentials[CMSG_SPACE(sizeof(ucred))];
    message.msg_control = credentials;
    message.msg_controllen = sizeof credentials;
    const ssize_t seen = receive_message(socket, message, MSG_PEEK);
    if (seen < 0) return true;
    if ((message.msg_flags & MSG_CTRUNC) != 0) return false;
    if (message.msg_controllen == 0 || (seen == 0 && !has_packets)) return true;
    (void)!recv(socket, rest.data(), static_cast<std::size_t>(seen), MSG_DONTWAIT);
  }
  return false;
}

}  // namespace

Packet::State send_packet(int socket, const void* data, std::size_t bytes,
                          const std::vector<int>& descriptors) {
  RS_CHECK(descriptors.size() <= packet_descriptors_max);
  iovec part{const_cast<void*>(data), bytes};
  msghdr message = message_of(part);
  ControlBuffer control;
  if (!descriptors.empty()) {
    const std::size_t size = descriptors.size() * sizeof(int);
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(size);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(header), descriptors.data(), size);
  }
  ssize_t sent = -1;
  do {
    sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  if (sent == static_cast<ssize_t>(bytes)) return Packet::State::received;
  return sent < 0 && errno == EAGAIN ? Packet::State::blocked : Packet::State::closed;
}

Packet receive_packet(int socket, void* data, std::size_t bytes) {
  iovec part{data, bytes};
  msghdr message = message_of(part);
  ControlBuffer control;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  const ssize_t received = receive_message(socket, message, 0);
  Packet packet;
  if (received < 0 && errno == EAGAIN) {
    packet.state = Packet::State::blocked;
    return packet;
  }
  if (received <= 0) return packet;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      packet.descriptors.emplace_back(fd);
    }
  }
  const bool whole = received == static_cast<ssize_t>(bytes) && (message.msg_flags & MSG_TRUNC) == 0;
  packet.state = whole ? Packet::State::received : Packet::State::malformed;
  return packet;
}

Packet receive_packet(int socket, void* data, std::size_t bytes, const std::function<bool()>& asks) {
  const Look next = look(socket, data, bytes);
  if (!next.descriptors || (next.bytes == static_cast<ssize_t>(bytes) && asks()))
    return receive_packet(socket, data, bytes);
  Packet packet;
  packet.state = Packet::State::unasked;
  return packet;
}

ssize_t receive_bytes(int socket, void* data, std::size_t bytes) {
  const Look next = look(socket, data, bytes);
  if (next.descriptors) {
    errno = EPROTO;
    return -1;
  }
  if (next.bytes <= 0) return next.bytes;
  // Bytes that arrived since then may have descriptors, and are not read here.
  return recv(socket, data, static_cast<std::size_t>(next.bytes), MSG_DONTWAIT);
}

void close_socket(int socket) {
  // From now on nothing more can arrive.
  shutdown(socket, SHUT_RD);
  const int on = 1;
  setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  if (drain(socket)) {
    close(socket);
  } else {
    close_in_child(socket);
  }
}

void close_listener(int socket) {
  shutdown(socket, SHUT_RD);
  int waiting = -1;
  while ((waiting = accept4(socket, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
    close_socket(waiting);
  if (errno == EMFILE || errno == ENFILE) return close_in_child(socket);
  close(socket);
}

/// The child keeps the descriptor until this process has closed its own, and then ends.
void close_in_child(int descriptor) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return;
  const Fd wait(ends[0]);
  Fd go_on(ends[1]);
  const pid_t between = fork();
  if (between < 0) return;
  if (between == 0) {
    // A grandchild: this process does not have to wait for it.
    const pid_t last = fork();
    if (last != 0) _exit(last > 0 ? 0 : 1);
    close(go_on.get());
    char nothing;
    (void)!::read(wait.get(), &nothing, 1);
    _exit(0);
  }
  int status = 1;
  while (waitpid(between, &status, 0) < 0 && errno == EINTR) {
  }
  if (status == 0) close(descriptor);
}

}  // namespace ringside
