// The loop of a real process: descriptors, timers and signals. (linux_loop_test.cc is about rings.)
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <ctime>
#include <functional>
#include <memory>
#include <vector>

#include "emu/host/linux_host.h"
#include "test/catch.h"

namespace linux_watch_test {

using namespace ringside;
using namespace std::chrono_literals;

namespace {

const Machine no_machine("/nonexistent");

}  // namespace

TEST_CASE("a regular file is ready as long as it is watched for something", "[linux_watch]") {
  LinuxHost host("test", no_machine);
  const Handle file = host.adopt(memfd_create("test", MFD_CLOEXEC));
  int called = 0;
  host.watch(file, {.read = true}, [&](Ready ready) {
    CHECK(ready.read);
    CHECK_FALSE(ready.write);
    if (++called == 3) host.watch_interest(file, {});
  });
  const std::clock_t before = std::clock();
  host.timer_start(200ms, [&] { host.stop(0); });
  CHECK(host.run() == 0);
  CHECK(called == 3);
  CHECK(std::clock() - before < CLOCKS_PER_SEC / 10);
  host.watch_interest(file, {.read = true});
  host.watch(file, {.read = true}, [&](Ready) { host.stop(5); });
  CHECK(host.run() == 5);
}

TEST_CASE("a hung-up descriptor is reported only to those who watch it for something", "[linux_watch]") {
  LinuxHost host("test", no_machine);
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const Handle input = host.adopt(ends[0]);
  Handle output = host.adopt(ends[1]);
  int called = 0;
  host.watch(input, {}, [&](Ready ready) {
    ++called;
    CHECK(ready.read);
    CHECK_FALSE(ready.write);
    host.stop(1);
  });
  output = Handle();
  std::clock_t before = 0;
  host.timer_start(1ms, [&] {
    before = std::clock();
    host.timer_start(200ms, [&] { host.stop(0); });
  });
  CHECK(host.run() == 0);
  CHECK(std::clock() - before < CLOCKS_PER_SEC / 10);
  CHECK(called == 0);
  host.watch_interest(input, {.read = true});
  CHECK(host.run() == 1);
}

TEST_CASE("a watch that another callback of the same turn has ended is not called", "[linux_watch]") {
  LinuxHost host("test", no_machine);
  std::array<std::array<int, 2>, 2> pipes{};
  std::array<Handle, 2> inputs;
  int called = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    REQUIRE(pipe(pipes[i].data()) == 0);
    inputs[i] = host.adopt(pipes[i][0]);
    host.watch(inputs[i], {.read = true}, [&, i](Ready) {
      ++called;
      inputs[1 - i] = Handle();
      host.stop(0);
    });
    REQUIRE(write(pipes[i][1], "x", 1) == 1);
  }
  CHECK(host.run() == 0);
  CHECK(called == 1);
  for (const auto& ends : pipes) close(ends[1]);
}

TEST_CASE("timers run in the order of their deadlines, and a cancelled one never", "[linux_watch]") {
  LinuxHost host("test", no_machine);
  std::vector<int> ran;
  host.timer_start(3ms, [&] { host.stop(0); });
  host.timer_start(2ms, [&] { ran.push_back(2); });
  const auto cancelled = host.timer_start(1ms, [&] { ran.push_back(9); });
  host.timer_start(1ms, [&] {
    ran.push_back(1);
    host.timer_cancel(cancelled);  // it is gone, which does no harm
  });
  host.timer_cancel(cancelled);
  CHECK(host.run() == 0);
  CHECK(ran == std::vector<int>{1, 2});
}

TEST_CASE("a timer that starts itself again at once does not stop the rest of the loop", "[linux_watch]") {
  LinuxHost host("test", no_machine);
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const Handle input = host.adopt(ends[0]);
  const Handle output = host.adopt(ends[1]);
  int ran = 0;
  const std::function<void()> again = [&] {
    if (++ran == 1'000'000) return host.stop(1);
    host.timer_start(0ms, again);
  };
  host.timer_start(0ms, again);
  host.watch(input, {.read = true}, [&](Ready) { host.stop(0); });
  const std::array<std::uint8_t, 1> byte{1};
  REQUIRE(host.write(output, byte).state == Io::State::moved);
  CHECK(host.run() == 0);
}

TEST_CASE("a signal is received by the loop that asked for it, and its handler may change", "[linux_watch]") {
  auto host = std::make_unique<LinuxHost>("test", no_machine);
  std::vector<int> received;
  host->on_signal(SIGUSR1, [&] {
    received.push_back(1);
    host->on_signal(SIGUSR1, [&] {
      received.push_back(2);
      host->stop(0);
    });
    raise(SIGUSR1);
  });
  host->on_signal(SIGUSR2, [&] { received.push_back(3); });
  raise(SIGUSR2);
  raise(SIGUSR1);
  CHECK(host->run() == 0);
  std::sort(received.begin(), received.end());
  CHECK(received == std::vector<int>{1, 2, 3});
  SECTION("an ignored signal stays ignored") {
    std::signal(SIGUSR2, SIG_IGN);
    host->on_signal(SIGUSR2, [&] { host->stop(1); });
    raise(SIGUSR2);
    host->timer_start(1ms, [&] { host->stop(0); });
    CHECK(host->run() == 0);
    std::signal(SIGUSR2, SIG_DFL);
  }
  host.reset();
  struct sigaction now {};
  REQUIRE(sigaction(SIGUSR1, nullptr, &now) == 0);
  CHECK(now.sa_handler == SIG_DFL);
}

}  // namespace linux_watch_test
