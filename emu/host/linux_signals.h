// Signals for the loop: the handler notes the signal and wakes the loop through a pipe. Each signal of a
// process has one receiver, the loop that asked for it last.
#pragma once

#include <set>

#include "emu/host/linux_descriptors.h"

namespace ringside {

class LinuxSignals {
 public:
  /// Throws std::system_error without descriptors for the pipe.
  LinuxSignals();
  /// Its signals have their default effect again.
  ~LinuxSignals();
  LinuxSignals(const LinuxSignals&) = delete;
  LinuxSignals& operator=(const LinuxSignals&) = delete;

  /// From now on that signal is received here.
  void receive(int signal_number);
  /// Readable when a signal has arrived: then take() until there is none.
  [[nodiscard]] int descriptor() const { return input_.get(); }
  /// Takes the next signal that has arrived. 0: there is none.
  [[nodiscard]] int take();

 private:
  Fd input_;
  Fd output_;
  std::set<int> received_;
};

}  // namespace ringside
