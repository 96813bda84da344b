// The linux host's data about ptys and terminals. Internal to emu/host/linux_*.cc.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "emu/host/linux_descriptors.h"
#include "emu/host/linux_host.h"
#include "emu/host/linux_loop.h"
#include "emu/host/linux_terminal.h"

namespace ringside {

struct LinuxHost::Files {
  explicit Files(LinuxLoop& its_loop) : loop(its_loop) {}
  ~Files();

  Result<> watch(int terminal, std::function<void()> changed);
  void take_notices();
  /// Before the descriptor is closed.
  void closing(int fd);

  struct Watch {
    int terminal = -1;
    std::function<void()> changed;
  };
  LinuxLoop& loop;
  Fd notices;                              ///< inotify, opened for the first pty that is watched
  std::unordered_map<int, Watch> watches;  ///< by inotify's number
  std::unordered_map<int, int> watch_of;   ///< the number of each watched pty
  std::unordered_map<int, std::unique_ptr<RawTerminal>> raw;  ///< terminals whose settings are to be restored
};

}  // namespace ringside
