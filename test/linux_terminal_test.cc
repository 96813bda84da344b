// A raw terminal, and a process that ends.
#include "emu/host/linux_terminal.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <string>

#include "emu/host/linux_descriptors.h"
#include "test/catch.h"
#include "test/child_process.h"

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

}  // namespace

TEST_CASE("any signal that ends the process restores its terminal") {
  for (const int number :
       {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM,   SIGABRT, SIGPIPE,  SIGSEGV,
        SIGBUS, SIGFPE, SIGILL,  SIGSYS,  SIGTRAP, SIGXCPU, SIGVTALRM, SIGIO,   SIGRTMIN, SIGRTMAX}) {
    INFO("signal " << number);
    const Tty tty;
    const ChildEnd end = in_child(STDOUT_FILENO, [&] {
      const RawTerminal raw(tty.side.get(), RawTerminal::When::now, "bye");
      if (!tty.is_raw()) _exit(1);
      raise(number);
    });
    CHECK(end.signal == number);
    CHECK(end.said == "bye");
    CHECK(!tty.is_raw());
  }
}

TEST_CASE("a signal that is caught or ignored does not restore the terminal") {
  const Tty tty;
  const ChildEnd end = in_child(STDOUT_FILENO, [&] {
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

TEST_CASE("a terminal that has been restored is not changed by a signal") {
  const Tty tty;
  const ChildEnd end = in_child(STDOUT_FILENO, [&] {
    { const RawTerminal raw(tty.side.get(), RawTerminal::When::now, "bye"); }
    if (tty.is_raw()) _exit(1);
    raise(SIGTERM);
  });
  CHECK(end.signal == SIGTERM);
  CHECK(end.said.empty());
}

}  // namespace linux_terminal_test
