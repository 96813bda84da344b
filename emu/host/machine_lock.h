// The ownership of a machine's directory. One file in it is locked from the first moment of `up` until the
// hypervisor has ended, so that only one of several processes can start a machine there. The file also shows
// that the directory holds a machine; without it nothing in the directory is ever removed.
//
// The lock is an open file's (F_OFD_SETLK): the hypervisor inherits it from `up`, and it ends with the last
// process that has the file open, however that process ends.
#pragma once

#include <optional>
#include <string>

#include "emu/host/linux_descriptors.h"
#include "emu/host/machine.h"

namespace ringside {

/// Opens the file, makes it if `make`, and locks it while the descriptor or a copy of it is open. Empty when
/// another process has the lock; ENOENT when there is no such file.
[[nodiscard]] Result<std::optional<Fd>> lock_file(const std::string& path, bool make);

class MachineLock {
 public:
  /// Makes the directory and the usual entries of a machine, if needed. EBUSY, with the process, when another
  /// process has it. Fails when the directory is not private (Machine::check), when its path is too long for
  /// a socket in it, or when a file with a machine's name is in it that no machine has made.
  [[nodiscard]] static Result<MachineLock> take(const Machine& machine);
  /// For the remains of a machine; empty if there never was one. EBUSY as above.
  [[nodiscard]] static Result<std::optional<MachineLock>> take_left(const Machine& machine);
  /// The lock of the launching process, passed on as this descriptor.
  [[nodiscard]] static Result<MachineLock> inherit(const Machine& machine, int descriptor);

  [[nodiscard]] const Machine& machine() const { return machine_; }
  [[nodiscard]] int descriptor() const { return fd_.get(); }

 private:
  MachineLock(Machine machine, Fd fd) : machine_(std::move(machine)), fd_(std::move(fd)) {}

  Machine machine_;
  Fd fd_;
};

/// The contents of the lock file.
struct MachineMark {
  int pid = 0;                  ///< the process that took it last
  bool made_directory = false;  ///< it is removed with the machine

  /// Empty when there is no such file, or it is not a machine's.
  [[nodiscard]] static std::optional<MachineMark> read(const Machine& machine);
};

}  // namespace ringside
