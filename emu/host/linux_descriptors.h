// File descriptors of this process: an owner, errors from errno, and the few calls that pass them between
// processes.
//
// Whoever may write to a unix socket may send descriptors along, and the last close of a descriptor may take
// as long as its sender likes (SO_LINGER; a file system that answers late). It happens in the process that
// takes it out of the socket, also when that has no room for it, reads without looking, or closes the socket.
// So a process that serves others looks before it takes: a packet that bears what nobody asked for stays
// where it is, and its connection is left to a child that ends, since an ending process does not linger.
#pragma once

#include <functional>
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

/// An Error that says what errno says.
[[nodiscard]] Error system_error(std::string what, std::string object, std::string advice = "");

/// Makes sure that the file has room on its disk for `bytes` from `from` on, and that it is as long as that:
/// what is mapped without is a SIGBUS when the disk is full. 0, or an errno value; ENOSPC: it is.
[[nodiscard]] int allocate_file(int descriptor, std::size_t from, std::size_t bytes);

/// Descriptors in one packet, at most.
inline constexpr std::size_t packet_descriptors_max = 2;

/// What receiving a packet came to.
struct Packet {
  enum class State {
    received,
    blocked,
    closed,
    malformed,
    unasked,  ///< it bears descriptors that nobody asked for; it has not been taken out of the socket
  };
  State state = State::closed;
  std::vector<Fd> descriptors;
};

/// Sends one packet of exactly `bytes`, with copies of `descriptors`. `blocked`: the peer does not read.
[[nodiscard]] Packet::State send_packet(int socket, const void* data, std::size_t bytes,
                                        const std::vector<int>& descriptors);
/// Receives one packet, which must have exactly `bytes`, from a peer that is trusted.
[[nodiscard]] Packet receive_packet(int socket, void* data, std::size_t bytes);
/// The same from anybody. `asks` is called with the data in place, when there are descriptors: are they asked
/// for?
[[nodiscard]] Packet receive_packet(int socket, void* data, std::size_t bytes,
                                    const std::function<bool()>& asks);

/// As ::read, of a unix socket to which anybody may write. EPROTO: descriptors come next, and are not taken.
[[nodiscard]] ssize_t receive_bytes(int socket, void* data, std::size_t bytes);

/// Closes a unix socket to which anybody may write, whatever waits in it. Never blocks.
void close_socket(int socket);
/// The same for one that listens, and those who wait for it.
void close_listener(int socket);
/// Closes a descriptor of unknown kind. Never blocks; leaves it open if there can be no child.
void close_in_child(int descriptor);

}  // namespace ringside
