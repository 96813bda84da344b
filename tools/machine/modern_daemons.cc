// Finds the programs and libraries, and starts the daemons.
#include "tools/machine/modern_daemons.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "emu/host/foreign_program.h"
#include "emu/host/launch.h"
#include "emu/host/linux_client.h"
#include "emu/host/machine_lock.h"
#include "emu/host/store_client.h"

namespace ringside::tools {

namespace {

namespace fs = std::filesystem;

constexpr const char* cannot_start = "cannot start";
constexpr const char* packages = "apt-get install xen-utils-4.17 xenstore-utils";
constexpr std::chrono::seconds store_patience{120};
constexpr std::chrono::milliseconds between_looks{10};
constexpr int daemon_patience_ms = 3000;

/// The drop-in libraries: beside this program where it was built, or where they were installed.
Result<std::string> libraries_folder() {
  const fs::path beside = fs::path(own_program()).parent_path() / "tools" / "modern";
  for (const fs::path& folder : {beside, fs::path(RINGSIDE_MODERN_DIR)}) {
    std::error_code none;
    if (fs::exists(folder / "libxencall.so.1", none)) return folder.string();
  }
  return Error{ENOENT, "cannot find the libraries that take the place of Xen's", RINGSIDE_MODERN_DIR,
               "there are none", "install ringside as a whole, or build all of it"};
}

Result<> set(const char* name, const std::string& value) {
  if (setenv(name, value.c_str(), 1) != 0) return system_error("cannot set the environment", name);
  return Done{};
}

/// Puts `folder` in front of the folders that the variable already has.
Result<> put_first(const char* name, const std::string& folder) {
  const char* rest = std::getenv(name);
  if (rest == nullptr || *rest == '\0') return set(name, folder);
  if (std::string_view(rest).starts_with(folder + ":")) return Done{};
  return set(name, folder + ":" + rest);
}

bool store_answers(const Machine& machine) {
  auto store = StoreClient::connect(machine.store_socket());
  return store && store->directory("/").ok();
}

/// Waits until the store answers, or its process has ended. xenstored itself does not say that it is ready.
Result<> wait_for_store(LinuxHost& host) {
  const Machine& machine = host.machine();
  bool answers = false;
  bool ended = false;
  std::function<void()> look = [&] {
    answers = store_answers(machine);
    ended = !PidFile::holder(machine.pid_file("xenstored"));
    if (answers || ended) return host.stop(0);
    host.timer_start(between_looks, look);
  };
  const auto limit = host.timer_start(store_patience, [&] { host.stop(0); });
  host.timer_start(Duration::zero(), look);
  host.run();
  host.timer_cancel(limit);
  if (answers) return Done{};
  return Error{EIO, cannot_start, "xenstored", ended ? "it has ended" : "it does not answer",
               "its log: " + machine.log_file("xenstored")};
}

/// Returns when the daemon has its pid file and is about to run, also if another process has started it.
Result<> launch_daemon(LinuxHost& host, const char* name, bool dies_with_us) {
  const Machine& machine = host.machine();
  const auto runs = [&] { return PidFile::holder(machine.pid_file(name)).has_value(); };
  if (runs()) return Done{};
  auto process = launch(host, {.arguments = {name, "--dir", machine.directory()},
                               .environment = {},
                               .log_path = machine.log_file(name),
                               .dies_with_us = dies_with_us});
  if (process || runs()) return Done{};
  return process.error();
}

/// Takes the pid file of that name in a running machine. The program that this process becomes keeps it.
Result<> hold_pid_file(const Machine& machine, const std::string& name) {
  if (!MachineMark::read(machine)) {
    return Error{ENOENT, "no machine is running", machine.directory(), "this directory has none",
                 "ringside up starts one; --dir names another"};
  }
  if (auto good = machine.check(); !good) return good;
  auto taken = PidFile::take(machine.pid_file(name));
  if (!taken) return taken.error();
  // Never destroyed: only the end of the process releases it.
  return (new PidFile(std::move(*taken)))->keep_after_exec();
}

Error become(const std::string& name, std::vector<std::string> arguments) {
  auto folder = xen_programs_folder();
  if (!folder) return folder.error();
  arguments.insert(arguments.begin(), name);
  ready();
  return become_foreign_program(*folder + "/" + name, std::move(arguments));
}

}  // namespace

Result<std::string> xen_programs_folder() {
  std::vector<std::string> found;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator("/usr/lib", none)) {
    const bool named = entry.path().filename().string().starts_with("xen-");
    if (named && fs::exists(entry.path() / "bin" / "xenstored", none))
      found.push_back((entry.path() / "bin").string());
  }
  if (!found.empty()) return *std::ranges::max_element(found);
  return Error{ENOENT, "cannot find Xen's programs", "/usr/lib/xen-*/bin", "they are not installed",
               packages};
}

Result<> enter_modern_environment(const Machine& machine, DomainId domain) {
  auto programs = xen_programs_folder();
  if (!programs) return programs.error();
  auto libraries = libraries_folder();
  if (!libraries) return libraries.error();
  if (auto done = set("RINGSIDE_DIR", machine.directory()); !done) return done;
  if (auto done = set("XENSTORED_RUNDIR", machine.store_directory()); !done) return done;
  if (auto done = put_first("LD_LIBRARY_PATH", *libraries); !done) return done;
  // A program of a domain may have started this one, which is dom0's unless it names a domain itself.
  unsetenv(as_domain_variable);
  if (domain != 0) {
    if (auto done = set(as_domain_variable, std::to_string(domain)); !done) return done;
    const std::string mark = machine.domain_mark(domain);
    const std::size_t end = mark.find('=');
    if (auto done = set(mark.substr(0, end).c_str(), mark.substr(end + 1)); !done) return done;
  }
  return put_first("PATH", *programs);
}

Result<> start_modern_daemons(LinuxHost& host, bool dies_with_us) {
  if (auto folder = xen_programs_folder(); !folder) return folder.error();
  const Machine& machine = host.machine();
  if (!PidFile::holder(machine.pid_file("xenstored"))) {
    // It keeps its connection to the xenstored that has ended, and never makes another.
    if (const auto pid = PidFile::holder(machine.pid_file("xenconsoled")))
      end_process(*pid, daemon_patience_ms);
  }
  if (auto launched = launch_daemon(host, "xenstored", dies_with_us); !launched) return launched;
  if (auto ready = wait_for_store(host); !ready) return ready;
  return launch_daemon(host, "xenconsoled", dies_with_us);
}

Result<> start_modern_toolstack(LinuxHost& host, bool dies_with_us) {
  if (auto started = start_modern_daemons(host, dies_with_us); !started) return started;
  return launch_daemon(host, "toolstack", dies_with_us);
}

Error become_xenstored(const Machine& machine) {
  if (auto entered = enter_modern_environment(machine); !entered) return entered.error();
  if (auto held = hold_pid_file(machine, "xenstored"); !held) return held.error();
  std::error_code problem;
  fs::create_directory(machine.store_directory(), problem);
  if (problem) return {problem.value(), cannot_start, machine.store_directory(), problem.message(), ""};
  return become("xenstored", {"--no-fork"});
}

Error become_xenconsoled(const Machine& machine) {
  if (auto entered = enter_modern_environment(machine); !entered) return entered.error();
  if (auto held = hold_pid_file(machine, "xenconsoled"); !held) return held.error();
  if (auto root = seem_to_be_root(); !root) return root.error();
  return become("xenconsoled", {"--interactive"});
}

}  // namespace ringside::tools
