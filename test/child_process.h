// The output of a child process, and how it ended.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <functional>
#include <string>

#include "emu/host/linux_descriptors.h"
#include "test/catch.h"

namespace ringside {

struct ChildEnd {
  int signal = 0;    ///< the signal that ended it; 0: it exited
  int status = 0;    ///< its exit status
  std::string said;  ///< its output on the chosen descriptor
};

/// Runs `act` in a child process with the default actions of all signals and without a core file. `said_on`
/// is STDOUT_FILENO or STDERR_FILENO.
inline ChildEnd in_child(int said_on, const std::function<void()>& act) {
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    for (int number = 1; number < NSIG; ++number) std::signal(number, SIG_DFL);
    dup2(ends[1], said_on);
    act();
    _exit(0);
  }
  close(ends[1]);
  const Fd said(ends[0]);
  ChildEnd end;
  std::array<char, 1000> piece;
  for (ssize_t count = 0; (count = read(said.get(), piece.data(), piece.size())) > 0;)
    end.said.append(piece.data(), static_cast<std::size_t>(count));
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  if (WIFEXITED(status)) end.status = WEXITSTATUS(status);
  return end;
}

}  // namespace ringside
