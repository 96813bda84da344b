// Whether the processes of a machine are at rest, as seen from outside.
#include "emu/host/process_table.h"

#include <spawn.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <thread>

#include "emu/host/launch.h"
#include "test/catch.h"

namespace process_table_test {

using namespace ringside;

namespace {

bool comes_true(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(300);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

/// A machine that has one process in one of its domains.
class OneProcess {
 public:
  explicit OneProcess(std::vector<std::string> argv) : machine_(make_temporary_directory().value()) {
    std::string mark = machine_.domain_mark(1);
    std::vector<char*> words;
    for (std::string& word : argv) words.push_back(word.data());
    words.push_back(nullptr);
    char* environment[] = {mark.data(), nullptr};
    REQUIRE(posix_spawn(&pid_, words[0], nullptr, nullptr, words.data(), environment) == 0);
  }
  ~OneProcess() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    rmdir(machine_.directory().c_str());
  }
  OneProcess(const OneProcess&) = delete;

  [[nodiscard]] ProcessLook look() const { return look_at_processes(machine_); }
  [[nodiscard]] int pid() const { return pid_; }
  [[nodiscard]] const Machine& machine() const { return machine_; }

 private:
  Machine machine_;
  pid_t pid_ = 0;
};

}  // namespace

TEST_CASE("a machine without processes is at rest") {
  const Machine machine(make_temporary_directory().value());
  const ProcessLook look = look_at_processes(machine);
  CHECK(look.switches.empty());
  CHECK_FALSE(look.busy);
  rmdir(machine.directory().c_str());
}

TEST_CASE("a process that sleeps is at rest, and looks the same each time") {
  const OneProcess machine({"/bin/sleep", "1000"});
  const auto rests = [&] {
    const ProcessLook look = machine.look();
    return look.switches.contains(machine.pid()) && !look.busy && look == machine.look();
  };
  REQUIRE(comes_true(rests));
  const ProcessLook before = machine.look();
  CHECK(machine.look() == before);
}

TEST_CASE("a process that computes is never at rest, even without output") {
  const OneProcess machine({"/bin/sh", "-c", "while :; do :; done"});
  REQUIRE(comes_true([&] { return machine.look().switches.contains(machine.pid()); }));
  for (int i = 0; i < 20; ++i) CHECK(machine.look().busy);
}

TEST_CASE("a process that ran between two looks is noticed by the second") {
  const OneProcess machine({"/bin/sleep", "1000"});
  REQUIRE(comes_true([&] {
    const ProcessLook look = machine.look();
    return look.switches.contains(machine.pid()) && !look.busy && look == machine.look();
  }));
  const ProcessLook before = machine.look();
  kill(machine.pid(), SIGSTOP);
  kill(machine.pid(), SIGCONT);
  CHECK(comes_true([&] {
    const ProcessLook after = machine.look();
    return !after.busy && after != before;
  }));
}

TEST_CASE("descendants of a domain's process are found, whatever their environment and session") {
  const OneProcess process({"/bin/sh", "-c", "env -i setsid /bin/sh -c 'sleep 1000 & wait' & wait"});
  CHECK(comes_true([&] { return process.look().switches.size() >= 3; }));
  for (const auto& [pid, switches] : process.look().switches) {
    if (pid != process.pid()) kill(pid, SIGKILL);
  }
}

TEST_CASE("when the hypervisor is gone, a stopped process continues and a traced one is left to its tracer") {
  const OneProcess one({"/bin/sleep", "1000"});
  CHECK_FALSE(is_traced(one.pid()));
  kill(one.pid(), SIGSTOP);
  REQUIRE(comes_true([&] { return process_state(one.pid()) == 'T'; }));
  wake_marked_processes(one.machine());
  CHECK(comes_true([&] { return process_state(one.pid()) == 'S'; }));

  REQUIRE(ptrace(PTRACE_ATTACH, one.pid(), nullptr, nullptr) == 0);
  REQUIRE(waitpid(one.pid(), nullptr, WUNTRACED) == one.pid());
  CHECK(is_traced(one.pid()));
  wake_marked_processes(one.machine());
  std::ifstream file("/proc/" + std::to_string(one.pid()) + "/status");
  const std::string status(std::istreambuf_iterator<char>(file), {});
  CHECK(status.find("ShdPnd:\t0000000000000000\n") != std::string::npos);
}

}  // namespace process_table_test
