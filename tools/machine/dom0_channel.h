// dom0's own control channel, whose far end is dom0's kernel: no daemon of dom0 keeps it, so whoever has
// something to say there does it as a client of xcs.
#pragma once

#include "emu/host/linux_host.h"
#include "ring/message.h"

namespace ringside::tools {

/// Sends the request and waits for the answer. Fails where the machine has no xcs, or no kernel in dom0.
Result<ring::ControlMessage> ask_dom0_kernel(LinuxHost& host, const ring::ControlMessage& request);

}  // namespace ringside::tools
