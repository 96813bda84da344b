// What a process needs to be the hypervisor's client, without a loop and without a Host: its connection, one
// call at a time, and the judgement of a frame that it was handed. The linux host and the C library are both
// built on it.
#pragma once

#include <vector>

#include "emu/host/hypercall.h"
#include "emu/host/linux_descriptors.h"
#include "emu/host/machine.h"

namespace ringside {

/// Connects to the hypervisor of that machine as dom0.
[[nodiscard]] Result<Fd> connect_to_hypervisor(const Machine& machine);

struct HypercallReply {
  HypercallAnswer answer;
  std::vector<Fd> descriptors;
};
/// Sends one call, with `descriptor` if it is not -1, and waits for its answer. EPIPE: the hypervisor is
/// gone; ETIMEDOUT: it does not answer; EPROTO: it speaks otherwise. What the hypervisor refused is in the
/// answer.
[[nodiscard]] Result<HypercallReply> make_hypercall(int connection, const HypercallArguments& arguments,
                                                    int descriptor);

/// The seals that a frame is made with.
[[nodiscard]] int frame_seals();
/// EINVAL when the descriptor is not one page that nobody can resize under a mapping.
[[nodiscard]] Result<> check_frame(int descriptor);

}  // namespace ringside
