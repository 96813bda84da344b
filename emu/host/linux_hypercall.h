// The connections through which hypercalls come: dom0's from the machine's xen.sock, each guest's from the
// pair made for it. Who a caller is follows from the connection alone.
#pragma once

#include <string>
#include <unordered_map>

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

}  // namespace ringside
