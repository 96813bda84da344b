// File descriptors of this process: an owner, errors from errno, and the few calls that pass them between
// processes.
#pragma once

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

/// Descriptors in one packet, at most.
inline constexpr std::size_t packet_descriptors_max = 2;

/// What receiving a packet came to.
struct Packet {
  enum class State { received, blocked, closed, malformed };
  State state = State::closed;
  std::vector<Fd> descriptors;
};

/// Sends one packet of exactly `bytes`, with copies of `descriptors`. False when the peer is gone or does not
/// read.
[[nodiscard]] bool send_packet(int socket, const void* data, std::size_t bytes,
                               const std::vector<int>& descriptors);
/// Receives one packet, which must have exactly `bytes`.
[[nodiscard]] Packet receive_packet(int socket, void* data, std::size_t bytes);

}  // namespace ringside
