// A limit for the path as in 2005: at most 480 bytes, a full ring of them, are on their way until they have
// been answered. Four processes carry them over sockets by plain blocking reads and writes: one in the place
// of the guest, of xcs, of xend, and of the user's console.
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <functional>
#include <vector>

#include "emu/host/linux_descriptors.h"
#include "ring/layout.h"
#include "tools/bench/bench.h"
#include "tools/bench/path.h"

namespace ringside::tools::bench {

namespace {

constexpr std::size_t turn_bytes = ring::slots_per_ring * ring::payload_bytes_max;

struct Link {
  Fd above;  ///< the end of the process that is nearer to the user
  Fd below;
};

std::optional<Link> make_link() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return std::nullopt;
  return Link{Fd(ends[0]), Fd(ends[1])};
}

/// Reads at most a turn's bytes and writes them on. Returns their number; 0: an end is closed.
std::size_t carry(int from, int to, std::size_t most = turn_bytes) {
  std::array<char, turn_bytes> bytes;
  const ssize_t count = read(from, bytes.data(), std::min(most, turn_bytes));
  if (count <= 0 || !write_all(to, bytes.data(), static_cast<std::size_t>(count))) return 0;
  return static_cast<std::size_t>(count);
}

/// Passes `bytes` bytes up, and then the answer of each part down.
bool relay(const Link& up, const Link& down, std::uint64_t bytes) {
  while (bytes > 0) {
    const std::size_t passed = carry(down.above.get(), up.below.get());
    if (passed == 0) return false;
    for (std::size_t left = passed; left > 0;) {
      const std::size_t answered = carry(up.below.get(), down.above.get(), left);
      if (answered == 0) return false;
      left -= answered;
    }
    bytes -= passed;
  }
  return true;
}

/// xend's place: the bytes are shown, and answered.
bool show(const Link& up, const Link& down, std::uint64_t bytes) {
  std::array<char, turn_bytes> part;
  while (bytes > 0) {
    const ssize_t count = read(down.above.get(), part.data(), part.size());
    if (count <= 0) return false;
    const auto size = static_cast<std::size_t>(count);
    if (!write_all(up.below.get(), part.data(), size)) return false;
    if (!write_all(down.above.get(), part.data(), size)) return false;
    bytes -= size;
  }
  return true;
}

/// The guest's place: `bytes` bytes of the pattern, a turn at a time.
bool print(const Link& up, std::uint64_t bytes) {
  const Pattern pattern;
  std::array<char, turn_bytes> answer;
  for (std::uint64_t done = 0; done < bytes;) {
    const std::size_t size = std::min<std::uint64_t>(turn_bytes, bytes - done);
    if (!write_all(up.below.get(), pattern.at(done), size)) return false;
    for (std::size_t left = size; left > 0;) {
      const ssize_t count = read(up.below.get(), answer.data(), left);
      if (count <= 0) return false;
      left -= static_cast<std::size_t>(count);
    }
    done += size;
  }
  return true;
}

/// A child that does `work` and ends with this process.
bool fork_for(const std::function<bool()>& work) {
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid != 0) return pid > 0;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  _exit(getppid() == parent && work() ? 0 : 1);
}

}  // namespace

int act_turns(std::uint64_t bytes) {
  const auto viewer = make_link();
  const auto data = make_link();
  const auto rings = make_link();
  if (!viewer || !data || !rings) return 1;
  char go = 0;
  if (!write_all(STDOUT_FILENO, &ready_byte, 1) || read(STDIN_FILENO, &go, 1) != 1) return 1;
  const bool all = fork_for([&] { return print(*rings, bytes); }) &&
                   fork_for([&] { return relay(*data, *rings, bytes); }) &&
                   fork_for([&] { return show(*viewer, *data, bytes); });
  for (std::uint64_t left = all ? bytes : 0; left > 0;) {
    const std::size_t shown = carry(viewer->above.get(), STDOUT_FILENO);
    if (shown == 0) return 1;
    left -= shown;
  }
  return all ? 0 : 1;
}

}  // namespace ringside::tools::bench
