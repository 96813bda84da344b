// Measures the whole path from this process's end of a console to a program in a guest. The peer carries the
// same bytes through two socats, which a unix socket connects: one runs the program on a pty, the other one
// is connected to our pipes.
//
// The far end is this program itself in both cases (path_programs.cc). It reports that it is ready before the
// clock starts. The receiving end checks every byte.
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <limits>
#include <sstream>

#include "emu/base/answer.h"
#include "emu/host/launch.h"
#include "emu/host/linux_descriptors.h"
#include "tools/bench/bench.h"
#include "tools/bench/path.h"

namespace ringside::tools::bench {

namespace {

constexpr int path_patience_ms = 300'000;
constexpr int end_patience_ms = 5'000;
using Clock = std::chrono::steady_clock;

// -- our end

/// A started program with pipes for stdin and stdout. The destructor ends and reaps it.
class Piped {
 public:
  enum class Pipes : std::uint8_t { ours, none };

  static Result<std::unique_ptr<Piped>> start(std::vector<std::string> argv, Pipes pipes) {
    auto piped = std::make_unique<Piped>();
    std::array<std::array<int, 2>, 2> ends{{{-1, -1}, {-1, -1}}};
    for (auto& pair : ends) {
      if (pipe2(pair.data(), O_CLOEXEC) != 0) return system_error("cannot make a pipe", "");
    }
    const Fd their_input(ends[0][0]);
    const Fd their_output(ends[1][1]);
    piped->input_ = Fd(ends[0][1]);
    piped->output_ = Fd(ends[1][0]);
    for (const Fd* ours : {&piped->input_, &piped->output_}) fcntl(ours->get(), F_SETFL, O_NONBLOCK);
    const int parent = getpid();
    piped->pid_ = fork();
    if (piped->pid_ < 0) return system_error("cannot start", argv[0]);
    if (piped->pid_ == 0) become(argv, pipes, their_input.get(), their_output.get(), parent);
    return piped;
  }

  Piped() = default;
  ~Piped() {
    if (pid_ <= 0) return;
    input_ = Fd();
    output_ = Fd();
    end_process(pid_, end_patience_ms);
    waitpid(pid_, nullptr, 0);
  }
  Piped(const Piped&) = delete;
  Piped& operator=(const Piped&) = delete;

  [[nodiscard]] int input() const { return input_.get(); }
  [[nodiscard]] int output() const { return output_.get(); }

 private:
  [[noreturn]] static void become(std::vector<std::string>& argv, Pipes pipes, int input, int output,
                                  int parent) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(1);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    std::signal(SIGPIPE, SIG_DFL);
    const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(pipes == Pipes::ours ? input : nothing, STDIN_FILENO);
    dup2(pipes == Pipes::ours ? output : nothing, STDOUT_FILENO);
    dup2(nothing, STDERR_FILENO);
    std::vector<char*> pointers;
    for (std::string& word : argv) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    execvp(pointers[0], pointers.data());
    _exit(127);
  }

  Fd input_;
  Fd output_;
  int pid_ = -1;
};

Error path_error(const std::string& name, const std::string& why) {
  return {EIO, "cannot measure", name, why, "does ringside exec -- echo hello work?"};
}

/// Waits until a pipe is ready to read or write. Fails on a timeout or an interruption.
Result<> wait_ready(const std::string& name, std::array<pollfd, 3>& waiting, Clock::time_point start) {
  for (;;) {
    const int left_ms = path_patience_ms - static_cast<int>(seconds_since(start) * 1000);
    const int count = left_ms > 0 ? poll(waiting.data(), waiting.size(), left_ms) : 0;
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0)
      return path_error(name, fmt::format("it did not finish within {} s", path_patience_ms / 1000));
    if (waiting[2].revents != 0) return Interruption::error();
    return Done{};
  }
}

/// The seconds from the first byte typed to the last byte received, on a path whose far end acts as in
/// `direction`.
Result<double> time_bytes(const std::string& name, const Piped& near_end, const Direction& direction,
                          std::uint64_t bytes, const Interruption& interruption) {
  static const Pattern pattern;
  std::array<char, our_read_bytes> buffer;
  const std::uint64_t to_type = direction.we_type ? bytes : 1;
  const std::uint64_t to_receive = direction.program_prints ? bytes : 1;
  const auto begun = Clock::now();
  Clock::time_point start;
  bool ready = false;
  std::uint64_t typed = 0;
  std::uint64_t received = 0;
  while (received < to_receive || !ready) {
    const std::uint64_t unechoed_max = std::min(direction.window, to_type);
    const std::uint64_t may_type = ready ? std::min(to_type, received + unechoed_max) - typed : 0;
    std::array<pollfd, 3> waiting{{{near_end.output(), POLLIN, 0},
                                   {may_type > 0 ? near_end.input() : -1, POLLOUT, 0},
                                   {interruption.descriptor(), POLLIN, 0}}};
    if (auto waited = wait_ready(name, waiting, begun); !waited) return waited.error();
    if (waiting[1].revents != 0) {
      const std::size_t size = std::min<std::uint64_t>(our_read_bytes, may_type);
      const ssize_t count = write(near_end.input(), pattern.at(typed), size);
      if (count < 0 && errno != EAGAIN) return path_error(name, "it closed its input");
      typed += count > 0 ? static_cast<std::uint64_t>(count) : 0;
    }
    if (waiting[0].revents == 0) continue;
    const ssize_t count = read(near_end.output(), buffer.data(), buffer.size());
    if (count == 0) return path_error(name, "it ended too early");
    if (count < 0) continue;
    if (!ready) {
      if (count != 1 || buffer[0] != ready_byte) return path_error(name, "its program does not start");
      ready = true;
      start = Clock::now();
      continue;
    }
    const auto size = static_cast<std::size_t>(count);
    const char* expected = direction.program_prints ? pattern.at(received) : &done_byte;
    if (size > to_receive - received || std::memcmp(buffer.data(), expected, size) != 0) {
      return path_error(name, "it delivered other bytes than were sent");
    }
    received += size;
  }
  return seconds_since(start);
}

// -- the two paths

/// The path of this program, in a form that needs no quoting. It is valid for the lifetime of this process.
std::string ourselves() {
  return fmt::format("/proc/{}/exe", getpid());
}

std::vector<std::string> program_at_the_end(const Direction& direction, std::uint64_t bytes) {
  return {ourselves(), "bench", "--act", direction.act, "--bytes", std::to_string(bytes)};
}

Result<double> time_exec(Answer answer, const Direction& direction, std::uint64_t bytes,
                         const Interruption& interruption) {
  std::vector<std::string> argv = {ourselves(), "exec", fmt::format("--answer={}", name_of(answer)), "--raw",
                                   "--"};
  for (const std::string& word : program_at_the_end(direction, bytes)) argv.push_back(word);
  auto exec = Piped::start(argv, Piped::Pipes::ours);
  if (!exec) return exec.error();
  return time_bytes("ringside exec", **exec, direction, bytes, interruption);
}

Result<double> time_ringside(const Direction& direction, std::uint64_t bytes,
                             const Interruption& interruption) {
  return time_exec(Answer::xend, direction, bytes, interruption);
}

Result<double> time_early(const Direction& direction, std::uint64_t bytes, const Interruption& interruption) {
  return time_exec(Answer::xcs, direction, bytes, interruption);
}

Result<double> time_socats(const Direction& direction, std::uint64_t bytes,
                           const Interruption& interruption) {
  // The abstract namespace leaves no file behind.
  const std::string name = fmt::format("ringside-bench-{}", getpid());
  std::string program = "EXEC:";
  for (const std::string& word : program_at_the_end(direction, bytes)) program += word + " ";
  program.back() = ',';
  auto far_end =
      Piped::start({"socat", "ABSTRACT-LISTEN:" + name, program + "pty,rawer"}, Piped::Pipes::none);
  if (!far_end) return far_end.error();
  auto near_end = Piped::start({"socat", "STDIO", "ABSTRACT-CONNECT:" + name + ",retry=200,interval=0.02"},
                               Piped::Pipes::ours);
  if (!near_end) return near_end.error();
  return time_bytes("socat", **near_end, direction, bytes, interruption);
}

/// The limit of the path as in 2005, without pty and kernel of a guest.
Result<double> time_turns(const Direction&, std::uint64_t bytes, const Interruption& interruption) {
  const std::string name = "480 bytes a turn";
  auto turns = Piped::start({ourselves(), "bench", "--act", turns_act, "--bytes", std::to_string(bytes)},
                            Piped::Pipes::ours);
  if (!turns) return turns.error();
  return time_bytes(name, **turns, directions[0], bytes, interruption);
}

bool is_installed(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (access(fmt::format("{}/{}", folder, program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

// -- rounds

struct PathKind {
  std::string name;
  Result<double> (*time)(const Direction&, std::uint64_t bytes, const Interruption&);
  bool all = true;  ///< not only the first direction
};

/// One path in one place. `bytes` is the size of the next sample for each direction, adapted so that a sample
/// takes path_sample_seconds.
struct PathLane {
  const PathKind* kind;
  Row* row;
  std::vector<int> cpus;
  std::array<std::uint64_t, directions.size()> bytes;
};

constexpr double path_sample_seconds = 0.15;

Result<> run_lane(PathLane& lane, const BenchLimits& limits, const Interruption& interruption, bool kept) {
  for (std::size_t i = 0; i < directions.size(); ++i) {
    const Direction& direction = directions[i];
    if (!lane.kind->all && i > 0) {
      if (kept) lane.row->samples[i].push_back(std::numeric_limits<double>::quiet_NaN());
      continue;
    }
    auto seconds = lane.kind->time(direction, lane.bytes[i], interruption);
    if (!seconds) return seconds.error();
    const double rate = static_cast<double>(lane.bytes[i]) / std::max(*seconds, 1e-6);
    if (kept) lane.row->samples[i].push_back(direction.window == 1 ? 1 / rate : rate);
    lane.bytes[i] = std::clamp(static_cast<std::uint64_t>(rate * path_sample_seconds), direction.bytes_min,
                               std::max<std::uint64_t>(direction.bytes_min, limits.path_bytes_max));
  }
  return Done{};
}

}  // namespace

Result<std::vector<Table>> measure_path(const BenchLimits& limits, const Interruption& interruption) {
  const std::vector<PathKind> kinds = {{"two socats", time_socats},
                                       {"ringside exec", time_ringside},
                                       {"exec, early answers", time_early},
                                       {"480 bytes a turn", time_turns, false}};
  const std::vector<int> all = allowed_cpus();
  const std::vector<std::vector<int>> places = {all, {all.at(0)}};
  std::vector<Table> tables;
  for (const auto& cpus : places) {
    Table table{.part = "path",
                .place = tables.empty() ? "free" : "1core",
                .title = fmt::format("bytes between us and a program on a pty, {}",
                                     tables.empty() ? "processes on any CPU"
                                                    : fmt::format("all processes on CPU {}", cpus[0])),
                .peer = kinds[0].name,
                .columns = {{"printed_bytes_per_second", "program prints, MB/s", 1e6},
                            {"typed_bytes_per_second", "we type, MB/s", 1e6},
                            {"echoed_bytes_per_second", "echo, MB/s", 1e6},
                            {"byte_echo_seconds", "one byte and its echo, us", 1e-6}},
                .rows = {},
                .missing = {}};
    for (const PathKind& kind : kinds)
      table.rows.push_back({kind.name, std::vector<std::vector<double>>(directions.size()), {}});
    if (!is_installed("socat")) table.rows[0].missing = "skipped: socat is not installed";
    tables.push_back(std::move(table));
  }
  std::vector<PathLane> lanes;
  for (std::size_t i = 0; i < places.size(); ++i) {
    for (std::size_t j = 0; j < kinds.size(); ++j) {
      Row& row = tables[i].rows[j];
      if (row.missing.empty()) {
        PathLane lane{&kinds[j], &row, places[i], {}};
        for (std::size_t k = 0; k < directions.size(); ++k) lane.bytes[k] = directions[k].bytes_min;
        lanes.push_back(lane);
      }
    }
  }
  const auto start = Clock::now();
  for (std::size_t round = 0; round < limits.rounds + 1; ++round) {
    if (round > 1 && seconds_since(start) > limits.budget_seconds) break;
    for (PathLane& lane : lanes) {
      run_on(lane.cpus);
      auto done = run_lane(lane, limits, interruption, round > 0);
      run_on(all);
      if (!done) return done.error();
    }
  }
  return tables;
}

}  // namespace ringside::tools::bench
