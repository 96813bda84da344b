// The parts that a process needs as the hypervisor's client, without a loop and without a Host: its
// connection, one call at a time, and the check of a received frame. The linux host and the C library are
// both built on it.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "emu/host/hypercall.h"
#include "emu/host/linux_descriptors.h"
#include "emu/host/machine.h"

namespace ringside {

/// Connects to the hypervisor of that machine as dom0.
[[nodiscard]] Result<Fd> connect_to_hypervisor(const Machine& machine);

/// The environment variable that makes handles of a program of today those of a domain: its number.
inline constexpr const char* as_domain_variable = "RINGSIDE_AS_DOMAIN";

struct HypercallReply {
  HypercallAnswer answer;
  std::vector<Fd> descriptors;
};

/// The timeout for the hypervisor in a program that serves no clients.
inline constexpr std::chrono::milliseconds hypercall_patience{10'000};

/// The calls of one process, over any number of connections. Each call has a number, which its answer
/// repeats: an answer with another number belongs to a call that timed out.
class Hypercalls {
 public:
  /// Sends one call, with `descriptor` if it is not -1, and waits for its answer. EPIPE: the hypervisor is
  /// gone; EPROTO: the answer does not follow the protocol; ETIMEDOUT: it does not answer. After ETIMEDOUT
  /// the same call again gets the same answer, and is not sent again. If the hypervisor refuses the call, the
  /// answer says so.
  [[nodiscard]] Result<HypercallReply> call(int connection, HypercallArguments arguments, int descriptor,
                                            std::chrono::milliseconds patience);

  enum class Asked { answers, silent, gone };
  /// Sends a call that changes nothing, to see whether an answer comes within `patience`.
  [[nodiscard]] Asked ask(int connection, std::chrono::milliseconds patience);
  /// Takes one unexpected answer, if there is one: the answer to a call that timed out is kept for the same
  /// call again, any other is dropped.
  [[nodiscard]] Asked look(int connection);
  /// The connection is closed: another one may get its number.
  void closed(int connection);

 private:
  struct GivenUp {
    int connection;
    HypercallArguments arguments;
    std::optional<HypercallReply> reply;  ///< if it has arrived since
  };
  [[nodiscard]] std::uint16_t next_number();
  [[nodiscard]] bool is_given_up(int connection, const HypercallArguments& arguments) const;

  std::uint16_t number_ = 0;
  std::optional<GivenUp> given_up_;
};

/// The seals that a frame is made with.
[[nodiscard]] int frame_seals();
/// EINVAL when the descriptor is not one page whose size cannot change under a mapping.
[[nodiscard]] Result<> check_frame(int descriptor);

}  // namespace ringside
