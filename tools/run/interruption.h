// SIGINT, SIGTERM and SIGHUP before scenarios run, and while they do. One that was ignored when the process
// started stays ignored, as nohup wants it.
#pragma once

#include <functional>
#include <string>

namespace ringside::tools {

/// While it lives, and no RunInterruption does, each of the three ends the process at once with status 128 +
/// its number; what it says first is made here and written to stdout. One at a time.
class EarlyInterruption {
 public:
  explicit EarlyInterruption(const std::function<std::string(int signal)>& said);
  ~EarlyInterruption();
  EarlyInterruption(const EarlyInterruption&) = delete;
  EarlyInterruption& operator=(const EarlyInterruption&) = delete;
};

/// One at a time. While it lives the first signal is remembered: runs end early, and what ran is reported.
/// Another one of the same kind ends the process at once.
class RunInterruption {
 public:
  RunInterruption();
  ~RunInterruption();
  RunInterruption(const RunInterruption&) = delete;
  RunInterruption& operator=(const RunInterruption&) = delete;

  /// The first signal that came; 0: none did. Any thread may ask.
  [[nodiscard]] static int signal();
};

}  // namespace ringside::tools
