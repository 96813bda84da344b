// A machine for one process, in a temporary directory. It ends with its owner, however the owner ends. The
// kernel sends SIGKILL to its processes. A keeper, a small process that outlives the owner, ends everything
// else that ran in it and removes the directory.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "emu/host/linux_host.h"
#include "emu/host/machine_lock.h"

namespace ringside::tools {

class PrivateMachine {
 public:
  /// Makes the directory and starts a keeper for it. `name` is the owner's name in the journal. The caller
  /// starts the machine itself with start_machine() and `dies_with_us`.
  [[nodiscard]] static Result<std::unique_ptr<PrivateMachine>> make(const std::string& name);
  /// Ends the machine and removes its directory. All handles of host() must have been closed.
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
  std::optional<MachineLock> lock_;  ///< empty if it could not be taken
};

}  // namespace ringside::tools
