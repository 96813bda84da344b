// The connections through which hypercalls come: dom0's from the machine's xen.sock, each guest's from the
// pair made for it. The connection alone identifies a caller. Also the opposite side: the connections through
// which this process calls.
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
    /// The callers that wait for an answer, in order. Not empty: a question has been sent.
    std::vector<std::function<void()>> later;
  };
  Hypercalls hypercalls;
  std::chrono::milliseconds patience = hypercall_patience;
  std::unordered_map<int, Line> by_fd;  ///< those that are watched
};

}  // namespace ringside
