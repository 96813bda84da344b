// SIGINT, SIGTERM and SIGHUP before and during runs of scenarios. A signal that was ignored when the process
// started stays ignored, as nohup requires.
#pragma once

#include <functional>
#include <string>

namespace ringside::tools {

/// During its lifetime, except while a RunInterruption exists, each of the three signals ends the process at
/// once with status 128 + its number. The handler writes a text to stdout, which the constructor prepares
/// with `said`. Only one may exist.
class EarlyInterruption {
 public:
  explicit EarlyInterruption(const std::function<std::string(int signal)>& said);
  ~EarlyInterruption();
  EarlyInterruption(const EarlyInterruption&) = delete;
  EarlyInterruption& operator=(const EarlyInterruption&) = delete;
};

/// During its lifetime the first signal is recorded: runs end early, and the completed ones are reported. A
/// second signal of the same kind ends the process at once. Only one may exist.
class RunInterruption {
 public:
  RunInterruption();
  ~RunInterruption();
  RunInterruption(const RunInterruption&) = delete;
  RunInterruption& operator=(const RunInterruption&) = delete;

  /// The first signal received; 0 if there was none. May be called from any thread.
  [[nodiscard]] static int signal();
};

}  // namespace ringside::tools
