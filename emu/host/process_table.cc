// Reads /proc line by line. Processes start and end meanwhile; a process that is gone is left out.
#include "emu/host/process_table.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <string_view>

#include "emu/host/launch.h"
#include "emu/host/linux_descriptors.h"

namespace ringside {

namespace fs = std::filesystem;

namespace {

/// The contents of a file of /proc, read in few calls: a machine's start and end look at every process. Empty
/// if the process is gone.
std::string contents(const std::string& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  std::array<char, 4096> piece;
  for (ssize_t count = 0; fd.valid() && (count = read(fd.get(), piece.data(), piece.size())) > 0;)
    text.append(piece.data(), static_cast<std::size_t>(count));
  return text;
}

/// What /proc/PID/stat says of a process; empty if it is gone.
struct StatLine {
  ProcessLine process;
  bool of_kernel = false;  ///< a thread of the kernel, which has no environment
};

std::optional<StatLine> stat_line(int pid) {
  constexpr unsigned kernel_thread = 0x00200000;  // PF_KTHREAD
  const std::string line = contents("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  StatLine found;
  found.process.pid = pid;
  unsigned flags = 0;
  if (std::sscanf(line.c_str() + name_end + 1, " %c %d %*d %d %*d %*d %u", &found.process.state,
                  &found.process.parent, &found.process.session, &flags) != 4) {
    return std::nullopt;
  }
  found.of_kernel = (flags & kernel_thread) != 0;
  return found;
}

std::optional<ProcessLine> process_line(int pid) {
  const auto found = stat_line(pid);
  return found ? std::optional(found->process) : std::nullopt;
}

/// All processes except the kernel's threads.
std::vector<ProcessLine> living_processes() {
  std::vector<ProcessLine> living;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename().string();
    int pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) continue;
    const auto found = stat_line(pid);
    if (!found || found->of_kernel || found->process.state == 'Z' || found->process.state == 'X') continue;
    living.push_back(found->process);
  }
  return living;
}

bool has_mark(int pid, const std::string& mark) {
  // A zero byte ends each setting.
  const std::string zero(1, '\0');
  std::string wanted = zero + mark;
  if (!mark.ends_with('#')) wanted += zero;
  const std::string environment = zero + contents("/proc/" + std::to_string(pid) + "/environ") + zero;
  return environment.find(wanted) != std::string::npos;
}

/// Adds the state of the process. A process that ends meanwhile counts as busy.
void look_at(int pid, ProcessLook& look) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  std::uint64_t& switches = look.switches[pid];
  bool alive = false;
  for (std::string line; std::getline(file, line);) {
    char state = 0;
    unsigned long long count = 0;
    if (std::sscanf(line.c_str(), "State: %c", &state) == 1) {
      alive = true;
      look.busy |= state == 'R' || state == 'D';
    } else if (std::sscanf(line.c_str(), "voluntary_ctxt_switches: %llu", &count) == 1 ||
               std::sscanf(line.c_str(), "nonvoluntary_ctxt_switches: %llu", &count) == 1) {
      switches += count;
    }
  }
  look.busy |= !alive;
}

}  // namespace

std::vector<ProcessLine> find_processes(const std::string& mark, int session, int root) {
  const std::vector<ProcessLine> all = living_processes();
  std::set<int> found;
  for (const ProcessLine& line : all) {
    const bool in_session = session != 0 && line.session == session;
    if (line.pid == root || in_session || (!mark.empty() && has_mark(line.pid, mark))) found.insert(line.pid);
  }
  // A child may be listed before its parent.
  for (std::size_t before = 0; before != found.size();) {
    before = found.size();
    for (const ProcessLine& line : all) {
      if (found.contains(line.parent)) found.insert(line.pid);
    }
  }
  found.erase(getpid());
  std::vector<ProcessLine> lines;
  std::ranges::copy_if(all, std::back_inserter(lines),
                       [&](const ProcessLine& line) { return found.contains(line.pid); });
  return lines;
}

char process_state(int pid) {
  return process_line(pid).value_or(ProcessLine{}).state;
}

bool is_traced(int pid) {
  const std::string status = contents("/proc/" + std::to_string(pid) + "/status");
  const std::string_view field = "\nTracerPid:\t";
  const std::size_t found = status.find(field);
  return found != std::string::npos && status.compare(found + field.size(), 2, "0\n") != 0;
}

std::vector<int> find_zombie_children(const std::vector<int>& known) {
  std::ifstream file(fmt::format("/proc/self/task/{}/children", getpid()));
  std::vector<int> zombies;
  for (int pid = 0; file >> pid;) {
    const auto line = process_line(pid);
    if (line && line->state == 'Z' && std::ranges::find(known, pid) == known.end()) zombies.push_back(pid);
  }
  return zombies;
}

std::int32_t process_number_of(int descriptor) {
  std::ifstream file("/proc/self/fdinfo/" + std::to_string(descriptor));
  std::string word;
  std::int32_t number = 0;
  while (file >> word) {
    if (word == "Pid:" && file >> number) return std::max(number, 0);
  }
  return 0;
}

ProcessLook look_at_processes(const Machine& machine) {
  std::set<int> pids;
  for (const char* process : Machine::processes) {
    if (const auto pid = PidFile::holder(machine.pid_file(process))) pids.insert(*pid);
  }
  for (const ProcessLine& each : find_processes(machine.domains_mark(), 0)) pids.insert(each.pid);
  ProcessLook look;
  for (const int pid : pids) look_at(pid, look);
  return look;
}

}  // namespace ringside
