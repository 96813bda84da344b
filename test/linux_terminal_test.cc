// A terminal that is raw, and a process that ends.
#include "emu/host/linux_terminal.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <string>

#include "emu/host/linux_descriptors.h"
#include "test/catch.h"

namespace linux_terminal_test {

using namespace ringside;

namespace {

/// Both sides of a pty.
struct Tty {
  Tty() {
    REQUIRE((controller.valid() && grantpt(controller.get()) == 0 && unlockpt(controller.get()) == 0));
    std::array<char, 100> path{};
    REQUIRE(ptsname_r(controller.get(), path.data(), path.size()) == 0);
    side = Fd(open(path.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(side.valid());
  }
  [[nodiscard]] bool is_raw() const {
    termios mode{};
    REQUIRE(tcgetattr(side.get(), &mode) == 0);
    return (mode.c_lflag & (ECHO | ICANON | ISIG)) == 0;
  }

  Fd controller{posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
  Fd side;
};

struct End {
  int signal;
  std::string said;  ///< on stdout
};

/// Runs `act` in a child of its own, with the usual answers to signals.
End in_child(const std::function<void()>& act) {
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    for (int number = 1; number < NSIG; ++number) std::signal(number, SIG_DFL);
    dup2(ends[1], STDOUT_FILENO);
    act();
    _exit(0);
  }
  close(ends[1]);
  const Fd from(ends[0]);
  End end{0, ""};
  std::array<char, 100> piece;
  for (ssize_t count = 0; (count = read(from.get(), piece.data(), piece.size())) > 0;)
    end.said.append(piece.data(), static_cast<std::size_t>(count));
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  return end;
}

}  // namespace

TEST_CASE("whatever signal ends the process, its terminal is as it was") {
  for (const int number :
       {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM,   SIGABRT, SIGPIPE,  SIGSEGV,
        SIGBUS, SIGFPE, SIGILL,  SIGSYS,  SIGTRAP, SIGXCPU, SIGVTALRM, SIGIO,   SIGRTMIN, SIGRTMAX}) {
    INFO("signal " << number);
    const Tty tty;
    const End end = in_child([&] {
      const RawTerminal raw(tty.side.get(), RawTerminal::When::now, "bye");
      if (!tty.is_raw()) _exit(1);
      raise(number);
    });
    CHECK(end.signal == number);
    CHECK(end.said == "bye");
    CHECK(!tty.is_raw());
  }
}

TEST_CASE("a signal that is caught or ignored is left alone") {
  const Tty tty;
  const End end = in_child([&] {
    std::signal(SIGUSR1, SIG_IGN);
    std::signal(SIGUSR2, [](int) { (void)!write(STDOUT_FILENO, "own", 3); });
    const RawTerminal raw(tty.side.get(), RawTerminal::When::now, "bye");
    raise(SIGUSR1);
    raise(SIGUSR2);
    raise(SIGWINCH);
    if (!tty.is_raw()) _exit(1);
    raise(SIGTERM);
  });
  CHECK(end.signal == SIGTERM);
  CHECK(end.said == "ownbye");
  CHECK(!tty.is_raw());
}

TEST_CASE("a terminal that has been given back for good is not touched by a signal") {
  const Tty tty;
  const End end = in_child([&] {
    { const RawTerminal raw(tty.side.get(), RawTerminal::When::now, "bye"); }
    if (tty.is_raw()) _exit(1);
    raise(SIGTERM);
  });
  CHECK(end.signal == SIGTERM);
  CHECK(end.said.empty());
}

}  // namespace linux_terminal_test
