// The tables of what is looked for. A program is a row with its Debian package; a feature of the kernel is a
// row with the function that tries it.
#include "tools/doctor/checks.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "emu/host/kernel_features.h"
#include "emu/host/launch.h"
#include "emu/host/seal.h"

namespace ringside::tools {

namespace {

struct WantedFeature {
  const char* name;
  bool needed;
  CheckedFor part;
  Result<> (*attempt)();
  const char* why;
  const char* get;
};

constexpr const char* container = "in a container: allow it in its seccomp profile";

constexpr WantedFeature features[] = {
    {"sealed memory", true, CheckedFor::machines, try_sealed_memory,
     "a domain's frame is memory that no process can resize", "Linux 3.17 or later"},
    {"eventfd", true, CheckedFor::machines, try_eventfd, "an event channel wakes its receiver through one",
     "Linux 2.6.27 or later, with CONFIG_EVENTFD"},
    {"descriptors in packets", true, CheckedFor::machines, try_descriptor_passing,
     "hypercalls pass frames and ports over unix sockets", container},
    {"ptys", true, CheckedFor::machines, try_pty, "a guest's program runs on one",
     "mount -t devpts devpts /dev/pts; or raise /proc/sys/kernel/pty/max"},
    {"process descriptors", true, CheckedFor::machines, try_pidfd,
     "ringside sees the end of a guest's process through one", "Linux 5.3 or later"},
    {"subreaper", true, CheckedFor::machines, try_subreaper,
     "a guest's orphaned processes stay with it, so that pause and destroy find them", "Linux 3.4 or later"},
    {"/proc", true, CheckedFor::machines, try_proc, "the processes of a domain are found there",
     "mount -t proc proc /proc; a kernel with CONFIG_PROC_CHILDREN"},
    {"inotify", true, CheckedFor::machines, try_inotify, "xenctld learns from it that a viewer opens a pty",
     "raise /proc/sys/fs/inotify/max_user_instances"},
    {"seccomp", false, CheckedFor::machines, try_seccomp,
     "limits the processes of a machine to the system calls that they need; without seccomp their logs say "
     "that they are not limited",
     "a kernel with CONFIG_SECCOMP_FILTER"},
    {"tracing", false, CheckedFor::building, try_tracing,
     "the leak check of AddressSanitizer traces its process; strace and gdb need it too", container},
    {"fixed addresses", false, CheckedFor::building, try_fixed_addresses,
     "tools/setup test starts programs under sanitizers without address randomization", container},
};

struct WantedProgram {
  const char* names;  ///< any of them, with a space in between
  const char* package;
  CheckedFor part;
  const char* why;
};

constexpr WantedProgram programs[] = {
    {"telnet", "telnet", CheckedFor::consoles, "a console client: telnet localhost 19601"},
    {"socat", "socat", CheckedFor::consoles,
     "a console client for scripts, and the peer of `ringside bench --only path`"},
    {"screen minicom picocom", "screen", CheckedFor::consoles, "terminal programs for a console's pty"},
    {"tmux", "tmux", CheckedFor::consoles, "several consoles in one terminal"},
    {"xenstore-ls", "xen-utils-4.17 xenstore-utils", CheckedFor::consoles,
     "programs of today's Xen, for `ringside modern`"},
    {"wireshark tshark", "tshark", CheckedFor::pages, "shows the captures of dump -w and run --pcap"},
    {"chromium firefox firefox-esr google-chrome", "chromium", CheckedFor::pages,
     "shows the pages of --html and of watch --web; any browser will do"},
    {"man", "man-db", CheckedFor::pages, "shows the manual: man ringside"},
    {"gcc cc", "gcc", CheckedFor::rings, "ring-check cc compiles a ring with it"},
    {"g++ c++", "g++", CheckedFor::rings, "ring-check c++ compiles a ring with it"},
    {"clang", "clang", CheckedFor::rings,
     "CC=clang ring-check cc: checks a ring as another compiler compiles it"},
    {"meson", "meson", CheckedFor::building, "the build description"},
    {"ninja", "ninja-build", CheckedFor::building, "runs the build"},
    {"pkg-config", "pkg-config", CheckedFor::building, "finds the libraries; `tools/setup` lists these"},
    {"python3", "python3", CheckedFor::building, "the build and most tests"},
    {"clang-format", "clang-format", CheckedFor::building, "the tidiness test checks the formatting"},
    {"chromedriver", "chromium-driver", CheckedFor::building, "the tests of the replay page drive a browser"},
};

Check check_of(const WantedFeature& feature) {
  Check check{feature.part, feature.needed, true, feature.name, "", feature.why, feature.get};
  if (const auto outcome = feature.attempt(); !outcome) {
    check.good = false;
    check.found = outcome.error().text();
  }
  return check;
}

Check check_of(const WantedProgram& program) {
  Check check{
      program.part, false, false, "", "", program.why, fmt::format("apt-get install {}", program.package)};
  std::istringstream names(program.names);
  for (std::string name; names >> name;) {
    check.name += (check.name.empty() ? "" : ", ") + name;
    if (check.good) continue;
    check.found = find_program(name);
    check.good = !check.found.empty();
  }
  if (!check.good) check.found = "not in PATH";
  return check;
}

/// A limit of which at least `least` are needed.
Check checked_limit(bool needed, const char* name, std::optional<std::uint64_t> limit, std::uint64_t least,
                    const char* why, const char* get) {
  Check check{
      CheckedFor::machines, needed, true, name, limit ? std::to_string(*limit) : "no limit", why, get};
  if (limit && *limit < least) {
    check.good = false;
    check.found = fmt::format("{}, but at least {} are needed", *limit, least);
  }
  return check;
}

Check checked_directory(const Machine& machine) {
  const std::string& path = machine.directory();
  Check check{CheckedFor::machines,      true, true,
              "the machine's directory", path, "a machine's sockets, logs and journals are there",
              "--dir, RINGSIDE_DIR"};
  auto outcome = machine.check_path();
  std::error_code code;
  if (outcome && std::filesystem::exists(path, code)) outcome = machine.check();
  if (outcome) outcome = try_directory(path);
  if (!outcome) {
    check.good = false;
    check.found = outcome.error().text();
  }
  return check;
}

std::string in_mib(std::uintmax_t bytes) {
  return fmt::format("{} MiB free", bytes >> 20);
}

/// The file system of `path` or of its nearest parent that exists.
Check checked_space(bool needed, const char* name, const std::string& path, std::uintmax_t least,
                    const char* why) {
  Check check{CheckedFor::machines, needed, true, name, "", why, "free some space, or use another --dir"};
  std::error_code code;
  std::filesystem::path there = path;
  while (!std::filesystem::exists(there, code) && there.has_relative_path()) there = there.parent_path();
  const auto space = std::filesystem::space(there, code);
  check.good = !code && space.available >= least;
  check.found = code ? fmt::format("{}: {}", there.string(), code.message())
                     : fmt::format("{} in {}", in_mib(space.available), there.string());
  return check;
}

/// gcc 12's and clang 14's ThreadSanitizer fail at random if more bits of addresses are random.
Check checked_randomization() {
  constexpr int bits_max = 28;
  Check check{CheckedFor::building,
              false,
              true,
              "address randomization",
              "",
              "sanitizers of gcc 12 and clang 14 need fixed ranges of addresses; tools/setup test switches "
              "randomization off where it may",
              "sysctl vm.mmap_rnd_bits=28"};
  std::ifstream file("/proc/sys/vm/mmap_rnd_bits");
  int bits = 0;
  if (!(file >> bits)) return check;
  check.found = fmt::format("vm.mmap_rnd_bits is {}", bits);
  check.good = bits <= bits_max;
  return check;
}

}  // namespace

std::string heading(CheckedFor part) {
  switch (part) {
    case CheckedFor::machines:
      return "Machines, demo, scenarios";
    case CheckedFor::consoles:
      return "Other programs at a console";
    case CheckedFor::pages:
      return "Pages, captures, the manual";
    case CheckedFor::rings:
      return "ring-check of your own rings";
    case CheckedFor::building:
      return "Building ringside, and its tests";
  }
  return "";
}

std::vector<Check> check_everything(const Machine& machine) {
  constexpr std::uint64_t descriptors_min = 256;
  constexpr std::uint64_t processes_min = 64;
  constexpr std::uint64_t file_bytes_min = 16 << 20;
  constexpr std::uintmax_t space_min = 32 << 20;
  std::vector<Check> all;
  all.push_back(checked_directory(machine));
  all.push_back(checked_space(true, "free space", machine.directory(), space_min,
                              "each process writes a journal of 1 MiB there while it is watched"));
  for (const WantedFeature& feature : features) all.push_back(check_of(feature));
  all.push_back(checked_limit(true, "open files", descriptors_max(), descriptors_min,
                              "each domain and viewer takes a few in each daemon", "ulimit -Hn 4096"));
  all.push_back(checked_limit(true, "processes", processes_max(), processes_min,
                              "a machine has 4, and at least 2 for each domain", "ulimit -u 1024"));
  all.push_back(checked_limit(true, "size of files", file_bytes_max(), file_bytes_min,
                              "journals and pages are files", "ulimit -f unlimited"));
  all.push_back(checked_space(false, "shared memory", "/dev/shm", space_min,
                              "`ringside bench` keeps its message queue there"));
  all.push_back(checked_randomization());
  for (const WantedProgram& program : programs) all.push_back(check_of(program));
  return all;
}

}  // namespace ringside::tools
