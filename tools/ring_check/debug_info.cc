// The process that reads debug information, its limits, and the lines of text that it writes.
#include "tools/ring_check/debug_info.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <functional>
#include <sstream>

#include "emu/base/check.h"
#include "tools/ring_check/dwarf.h"

namespace ringside::tools {

namespace {

/// 10 MB of debug information take a second.
constexpr rlim_t reader_seconds_max = 20;
constexpr rlim_t reader_memory_max = rlim_t{4} << 30;
constexpr std::chrono::seconds reader_patience(60);
constexpr std::size_t said_bytes_max = std::size_t{64} << 20;
// -- in the process that reads

/// Reads debug information and returns it as lines.
using Say = std::function<std::string()>;

[[noreturn]] void read_and_say(const Say& say, int to) {
  // This process has inherited the signal handlers of a ring's watchdog.
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGALRM, SIGPIPE})
    ::signal(signal, SIG_DFL);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit seconds{reader_seconds_max, reader_seconds_max};
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CPU, &seconds);
  ::setrlimit(RLIMIT_CORE, &no_core);
#if !defined(__SANITIZE_ADDRESS__)
  const rlimit memory{reader_memory_max, reader_memory_max};
  ::setrlimit(RLIMIT_AS, &memory);
#endif
  const std::string text = say();
  for (std::size_t written = 0; written < text.size();) {
    const ssize_t count = ::write(to, text.data() + written, text.size() - written);
    if (count <= 0 && errno != EINTR) break;
    if (count > 0) written += static_cast<std::size_t>(count);
  }
  ::_exit(0);
}

// -- in the process that asks

/// Reads until the end. False: it takes too long, or the text is too long.
bool take_all(int from, std::string& text) {
  const auto until = std::chrono::steady_clock::now() + reader_patience;
  char bytes[65536];
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd ready{from, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) == 0) return false;
    const ssize_t count = ::read(from, bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return true;
    text.append(bytes, static_cast<std::size_t>(count));
    if (text.size() > said_bytes_max) return false;
  }
}

/// The rest of a line, without the space before it.
std::string rest_of(std::istringstream& line) {
  std::string rest;
  std::getline(line, rest);
  return rest.empty() ? rest : rest.substr(1);
}

DebugInfo unreadable(const std::string& why) {
  DebugInfo info;
  info.missing = "its debug information cannot be read: " + why;
  return info;
}

/// The process has read a file that may be hostile: its text is checked.
DebugInfo with_checked_text(DebugInfo info) {
  const auto is_unknown = [&](const auto& each) { return each.type >= info.types.size(); };
  for (DebugType& type : info.types) {
    if (type.inner >= info.types.size()) type.inner = DebugType::none;
    std::erase_if(type.members, is_unknown);
  }
  std::erase_if(info.variables, is_unknown);
  return info;
}

DebugInfo info_in(const std::string& text) {
  DebugInfo info;
  bool is_whole = false;
  std::istringstream lines(text);
  for (std::string each; std::getline(lines, each);) {
    std::istringstream line(each);
    std::string key;
    line >> key;
    if (key == "type") {
      int kind = 0;
      DebugType type;
      line >> kind >> type.bytes >> type.inner;
      if (kind < 0 || kind > static_cast<int>(DebugKind::array))
        return unreadable("it has an unknown kind of type");
      type.kind = static_cast<DebugKind>(kind);
      type.name = rest_of(line);
      info.types.push_back(std::move(type));
    } else if (key == "member" && !info.types.empty()) {
      DebugMember member;
      line >> member.offset >> member.type;
      member.name = rest_of(line);
      info.types.back().members.push_back(std::move(member));
    } else if (key == "variable") {
      DebugVariable variable;
      line >> variable.address >> variable.type;
      variable.name = rest_of(line);
      info.variables.push_back(std::move(variable));
    } else if (key == "missing") {
      info.missing = rest_of(line);
      is_whole = true;
    }
  }
  return is_whole ? with_checked_text(std::move(info)) : unreadable("it is incomplete");
}

/// Starts a process that reads it. Returns its text, or the error.
Result<std::string> said_by_process(const Say& say) {
  const auto fails = [](std::string why) { return Error{EIO, "", "", std::move(why), ""}; };
  int ends[2];
  if (::pipe(ends) != 0) return fails(std::strerror(errno));
  const pid_t process = ::fork();
  if (process == 0) {
    ::close(ends[0]);
    read_and_say(say, ends[1]);
  }
  ::close(ends[1]);
  std::string text;
  const bool came_back = process > 0 && take_all(ends[0], text);
  ::close(ends[0]);
  if (process < 0) return fails("no process can be started");
  if (!came_back) ::kill(process, SIGKILL);
  int status = 0;
  while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  if (!came_back) return fails("it is too large, or has no end");
  if (WIFSIGNALED(status))
    return fails(
        fmt::format("the process that reads it was killed by a signal: {}", ::strsignal(WTERMSIG(status))));
  return text;
}

}  // namespace

DebugInfo read_debug_info(const std::string& path) {
  auto said = said_by_process([&] { return dwarf_types(path); });
  return said ? info_in(*said) : unreadable(said.error().why);
}

std::vector<std::vector<std::string>> read_source_lines(const std::string& path,
                                                        const std::vector<std::uint64_t>& addresses) {
  std::vector<std::vector<std::string>> found(addresses.size());
  auto said = said_by_process([&] { return dwarf_lines(path, addresses); });
  if (!said) return found;
  std::istringstream lines(*said);
  for (std::string each; std::getline(lines, each);) {
    std::istringstream line(each);
    std::size_t at = 0;
    if (line >> at && at < found.size()) found[at].push_back(rest_of(line));
  }
  return found;
}

}  // namespace ringside::tools
