// Who has a machine's directory. One file in it is locked from the first moment of `up` until the hypervisor
// has ended, so that of several that start a machine there only one does; and it says that the directory
// holds a machine, without which nothing in it is ever removed.
//
// The lock is an open file's (F_OFD_SETLK): the hypervisor inherits it from `up`, and it ends with the last
// process that has the file open, however that ends.
#pragma once

#include <optional>
#include <string>

#include "emu/host/linux_descriptors.h"
#include "emu/host/machine.h"

namespace ringside {

/// Opens the file, makes it if `make`, and locks it for as long as the descriptor or a copy of it is open.
/// Nothing when somebody else has the lock; ENOENT when there is no such file.
[[nodiscard]] Result<std::optional<Fd>> lock_file(const std::string& path, bool make);

class MachineLock {
 public:
  /// Makes the directory, and what every machine has in it, if needed. EBUSY, with the process, when somebody
  /// has it. Fails when the directory is not private (Machine::check), its path is too long for a socket in
  /// it, or something lies there under a name of the machine's that no machine has made.
  [[nodiscard]] static Result<MachineLock> take(const Machine& machine);
  /// Of what a machine has left; nothing where there never was one. EBUSY as above.
  [[nodiscard]] static Result<std::optional<MachineLock>> take_left(const Machine& machine);
  /// The lock that whoever launched this process holds, handed over as this descriptor.
  [[nodiscard]] static Result<MachineLock> inherit(const Machine& machine, int descriptor);

  [[nodiscard]] const Machine& machine() const { return machine_; }
  [[nodiscard]] int descriptor() const { return fd_.get(); }

 private:
  MachineLock(Machine machine, Fd fd) : machine_(std::move(machine)), fd_(std::move(fd)) {}

  Machine machine_;
  Fd fd_;
};

/// What the lock file says.
struct MachineMark {
  int pid = 0;                  ///< who took it last
  bool made_directory = false;  ///< it is removed with the machine

  /// Nothing when there is none, or it is not a machine's.
  [[nodiscard]] static std::optional<MachineMark> read(const Machine& machine);
};

}  // namespace ringside
