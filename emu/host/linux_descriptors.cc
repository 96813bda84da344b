// Descriptors, errno texts, and packets with descriptors (SCM_RIGHTS).
#include "emu/host/linux_descriptors.h"

#include <sys/socket.h>
#include <unistd.h>

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

/// Room for the control part of a packet, aligned as the macros want it.
struct ControlBuffer {
  alignas(cmsghdr) char bytes[CMSG_SPACE(packet_descriptors_max * sizeof(int))] = {};
};

}  // namespace

bool send_packet(int socket, const void* data, std::size_t bytes, const std::vector<int>& descriptors) {
  RS_CHECK(descriptors.size() <= packet_descriptors_max);
  iovec part{const_cast<void*>(data), bytes};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
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
  return sent == static_cast<ssize_t>(bytes);
}

Packet receive_packet(int socket, void* data, std::size_t bytes) {
  iovec part{data, bytes};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  ControlBuffer control;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  ssize_t received = -1;
  do {
    received = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  Packet packet;
  if (received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
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
  const bool whole =
      received == static_cast<ssize_t>(bytes) && (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
  packet.state = whole ? Packet::State::received : Packet::State::malformed;
  return packet;
}

}  // namespace ringside
