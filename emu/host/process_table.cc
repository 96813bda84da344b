// Reads /proc line by line. Processes start and end meanwhile; a process that is gone is left out.
#include "emu/host/process_table.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>

#include "emu/host/launch.h"

namespace ringside {

namespace fs = std::filesystem;

namespace {

/// The first fields of /proc/PID/stat; empty if the process is gone.
std::optional<ProcessLine> process_line(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  ProcessLine found;
  found.pid = pid;
  int group = 0;
  if (std::sscanf(line.c_str() + name_end + 1, " %c %d %d %d", &found.state, &found.parent, &group,
                  &found.session) != 4) {
    return std::nullopt;
  }
  return found;
}

std::vector<ProcessLine> living_processes() {
  std::vector<ProcessLine> living;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename().string();
    int pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) continue;
    const auto line = process_line(pid);
    if (line && line->state != 'Z' && line->state != 'X') living.push_back(*line);
  }
  return living;
}

bool has_mark(int pid, const std::string& mark) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/environ", std::ios::binary);
  std::string setting;
  while (std::getline(file, setting, '\0')) {
    if (setting == mark || (mark.ends_with('#') && setting.starts_with(mark))) return true;
  }
  return false;
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
