// dom0's own control channel, whose other end is dom0's kernel. No daemon of dom0 uses it, so a command sends
// its messages as a client of xcs.
#pragma once

#include "emu/host/linux_host.h"
#include "ring/message.h"

namespace ringside::tools {

/// Sends the request and waits for the answer. Fails if the machine has no xcs, or if dom0 has no kernel.
Result<ring::ControlMessage> ask_dom0_kernel(LinuxHost& host, const ring::ControlMessage& request);

}  // namespace ringside::tools
