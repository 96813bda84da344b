// A machine that one process has for itself, in a temporary directory. It ends with its owner, however that
// ends: its processes are sent SIGKILL by the kernel, and a keeper, a small process of its own that outlives
// the owner, ends what else ran in it and removes the directory.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "emu/host/linux_host.h"
#include "emu/host/machine_lock.h"

namespace ringside::tools {

class PrivateMachine {
 public:
  /// Makes the directory, with a keeper for it. `name` is the owner's, in the journal. The machine itself is
  /// started by start_machine(), with `dies_with_us`.
  [[nodiscard]] static Result<std::unique_ptr<PrivateMachine>> make(const std::string& name);
  /// Ends the machine and removes its directory. No handle of host() may be left by then.
  ~PrivateMachine();
  PrivateMachine(const PrivateMachine&) = delete;
  PrivateMachine& operator=(const PrivateMachine&) = delete;

  [[nodiscard]] LinuxHost& host() { return host_; }
  [[nodiscard]] const Machine& machine() const { return host_.machine(); }
  [[nodiscard]] const MachineLock& lock() const { return *lock_; }

 private:
  PrivateMachine(const std::string& name, const std::string& directory);

  LinuxHost host_;
  Handle keeper_;
  std::optional<MachineLock> lock_;  ///< nothing where it could not be taken
};

}  // namespace ringside::tools
