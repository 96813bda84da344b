// File descriptors of this process: an owner, errors from errno, and the calls that pass them between
// processes.
//
// A process that may write to a unix socket may send descriptors with its bytes, and the last close of a
// descriptor may take as long as its sender likes (SO_LINGER; a slow file system). The close happens in the
// process that takes the descriptor out of the socket, also if that process has no room for it, reads without
// looking, or closes the socket. So a process that serves others looks before it takes: a packet with
// unexpected descriptors stays in the socket, and its connection is left to a child process that ends, since
// an ending process does not linger.
#pragma once

#include <sys/types.h>

#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "emu/base/check.h"

namespace ringside {

/// Owns a descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd();
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

/// An Error with errno's text.
[[nodiscard]] Error system_error(std::string what, std::string object, std::string advice = "");

/// fork(), for a child that becomes a program; returns in the parent when the child has done so or has ended.
/// Until then the child has copies of all descriptors, and one that another thread closes does not hang up.
/// So the call holds fork_lock(), and so does a thread that closes a descriptor whose hang-up others wait
/// for.
[[nodiscard]] pid_t fork_until_exec();
[[nodiscard]] std::mutex& fork_lock();

/// Allocates disk space for `bytes` from `from` on, and makes the file at least that long: writing to a
/// mapping without disk space is a SIGBUS when the disk is full. Returns 0 or an errno value; ENOSPC: it is
/// full.
[[nodiscard]] int allocate_file(int descriptor, std::size_t from, std::size_t bytes);

/// Descriptors in one packet, at most.
inline constexpr std::size_t packet_descriptors_max = 2;

/// The result of receiving a packet.
struct Packet {
  enum class State {
    received,
    blocked,
    closed,
    malformed,
    unasked,  ///< it has unexpected descriptors; it is still in the socket
  };
  State state = State::closed;
  std::vector<Fd> descriptors;
};

/// Sends one packet of exactly `bytes`, with copies of `descriptors`. `blocked`: the peer does not read.
[[nodiscard]] Packet::State send_packet(int socket, const void* data, std::size_t bytes,
                                        const std::vector<int>& descriptors);
/// Receives one packet, which must have exactly `bytes`, from a trusted peer.
[[nodiscard]] Packet receive_packet(int socket, void* data, std::size_t bytes);
/// The same from an untrusted peer. When there are descriptors, `asks` is called with the data in place: it
/// says whether they are expected.
[[nodiscard]] Packet receive_packet(int socket, void* data, std::size_t bytes,
                                    const std::function<bool()>& asks);

/// As ::read, from a unix socket to which any process may write. EPROTO: descriptors come next, and are not
/// taken.
[[nodiscard]] ssize_t receive_bytes(int socket, void* data, std::size_t bytes);

/// Closes a unix socket to which any process may write, with any contents. Never blocks.
void close_socket(int socket);
/// The same for a listening socket, and for the callers that wait at it.
void close_listener(int socket);
/// Closes a descriptor of unknown kind. Never blocks; leaves it open if no child can be made.
void close_in_child(int descriptor);

}  // namespace ringside
