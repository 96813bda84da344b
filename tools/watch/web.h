// watch --web: the replay page of a running machine, served until the machine or the user ends it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "tools/command.h"

namespace ringside::tools {

/// How often a watch reads new entries of the journal.
inline constexpr std::chrono::milliseconds between_reads{5};

struct WatchWebOptions {
  std::string domain;      ///< its name or number; empty: all of them, and no keyboard
  std::uint16_t port = 0;  ///< 0: any that is free; with `each`: that of domain 0
  bool each = false;       ///< a page with a keyboard for each domain
};

/// The exit status.
int watch_web(const Session& session, const WatchWebOptions& options);

}  // namespace ringside::tools
