// The steps that concern a daemon. A step does nothing if the daemon is not in the right state for it.
#include "tools/chaos/daemons.h"

#include <utility>

namespace ringside::chaos {

bool Daemons::kill(script::Daemon daemon) {
  if (!up(daemon) || !stage_.daemon_stops(daemon)) return false;
  up_[index(daemon)] = stopped_[index(daemon)] = false;
  return true;
}

bool Daemons::stop(script::Daemon daemon) {
  if (!up(daemon) || stopped_[index(daemon)]) return false;
  stopped_[index(daemon)] = true;
  return static_cast<bool>(stage_.daemon_stalls(daemon));
}

std::string Daemons::start(script::Daemon daemon) {
  const std::size_t at = index(daemon);
  if (up_[at] && !stopped_[at]) return {};
  const auto started = stage_.daemon_starts(daemon);
  const bool went_on = std::exchange(stopped_[at], false);
  if (started) {
    up_[at] = true;
    return {};
  }
  // Like a process that reports why it cannot start, and ends.
  if (!went_on) (void)stage_.daemon_stops(daemon);
  return started.error().text();
}

}  // namespace ringside::chaos
