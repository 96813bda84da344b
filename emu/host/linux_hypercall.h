// The connections through which hypercalls come: dom0's from the machine's xen.sock, each guest's from the
// pair made for it. Who a caller is follows from the connection alone. And the other side: the connections
// through which this process calls.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "emu/host/linux_client.h"
#include "emu/host/linux_host.h"

namespace ringside {

struct LinuxHost::Callers {
  struct Caller {
    HypercallCaller who;
    Handle connection;
  };
  HypercallServer server;
  Handle listener;
  std::unordered_map<int, Caller> by_fd;
  std::uint32_t next_connection = 1;
};

struct LinuxHost::Calls {
  struct Line {
    std::function<void()> gone;
    /// Who waits for an answer, in their order. Not empty: a question is under way.
    std::vector<std::function<void()>> later;
  };
  Hypercalls hypercalls;
  std::chrono::milliseconds patience = hypercall_patience;
  std::unordered_map<int, Line> by_fd;  ///< those that are watched
};

}  // namespace ringside
