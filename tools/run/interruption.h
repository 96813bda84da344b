// SIGINT, SIGTERM and SIGHUP while scenarios run.
//
// The first of them is remembered: runs end early, and what ran is reported. Another one of the same kind
// ends the process at once. One that was ignored when the process started stays ignored, as nohup wants it.
#pragma once

namespace ringside::tools {

/// One at a time. While it lives the three signals are caught.
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
