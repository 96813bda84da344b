// Times one transport with two processes, a start signal and a clock. The children are forked for each
// sample, die with their parent, and are killed when a sample takes too long.
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <set>

#include "emu/host/linux_descriptors.h"
#include "tools/bench/bench.h"

namespace ringside::tools::bench {

namespace {

/// A sample normally takes tens of milliseconds.
constexpr int pair_patience_ms = 300'000;
/// The number of messages between two reads of the clock. A power of two.
constexpr std::uint64_t messages_per_look = 32;
/// ControlMessage::subtype of the last message.
constexpr std::uint8_t last_subtype = 1;

using Clock = std::chrono::steady_clock;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// A child sends one when it is ready, and another when it is done.
struct Report {
  bool good = false;
  std::uint64_t messages = 0;
  double seconds = 0;
  double cpu_seconds = 0;
};

sigset_t interrupting_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, number);
  return set;
}

[[noreturn]] void become_side(Transport& transport, Side side, const Traffic& traffic, int cpu, int parent,
                              int socket) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  const sigset_t blocked = interrupting_signals();
  sigprocmask(SIG_UNBLOCK, &blocked, nullptr);
  if (cpu != any_cpu) run_on({cpu});
  transport.enter(side);
  Report report{.good = true};
  char go = 0;
  if (send(socket, &report, sizeof report, MSG_NOSIGNAL) != sizeof report || recv(socket, &go, 1, 0) != 1)
    _exit(1);
  const double cpu_before = cpu_seconds();
  const auto start = Clock::now();
  if (side == Side::asks) {
    const auto answered = transport.ask(traffic);
    report.good = answered.has_value();
    report.messages = answered.value_or(0);
  } else {
    report.good = transport.answer();
  }
  report.seconds = seconds_since(start);
  report.cpu_seconds = cpu_seconds() - cpu_before;
  const bool told = send(socket, &report, sizeof report, MSG_NOSIGNAL) == sizeof report;
  _exit(told && report.good ? 0 : 1);
}

/// A forked side. The destructor kills and reaps it.
class Child {
 public:
  Child(Transport& transport, Side side, const Traffic& traffic, int cpu) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return;
    socket_ = Fd(ends[0]);
    const Fd theirs(ends[1]);
    const int parent = getpid();
    pid_ = fork();
    if (pid_ == 0) become_side(transport, side, traffic, cpu, parent, theirs.get());
  }
  ~Child() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] bool started() const { return pid_ > 0; }
  [[nodiscard]] int socket() const { return socket_.get(); }
  void go() { (void)!send(socket_.get(), "g", 1, MSG_NOSIGNAL); }

 private:
  Fd socket_;
  int pid_ = -1;
};

Error pair_error(const std::string& why) {
  return {EIO, "cannot measure", "two processes and their messages", why,
          "is the machine very busy? try again"};
}

/// The next report of each child.
Result<std::array<Report, 2>> reports(const std::array<const Child*, 2>& children,
                                      const Interruption& interruption) {
  std::array<Report, 2> received{};
  const auto start = Clock::now();
  std::array<pollfd, 3> waiting{{{children[0]->socket(), POLLIN, 0},
                                 {children[1]->socket(), POLLIN, 0},
                                 {interruption.descriptor(), POLLIN, 0}}};
  // poll() ignores a descriptor of -1, which marks a child that has reported.
  while (waiting[0].fd >= 0 || waiting[1].fd >= 0) {
    const int left_ms = pair_patience_ms - static_cast<int>(seconds_since(start) * 1000);
    const int count = left_ms > 0 ? poll(waiting.data(), waiting.size(), left_ms) : 0;
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0)
      return pair_error(fmt::format("they did not finish within {} s", pair_patience_ms / 1000));
    if (waiting[2].revents != 0) return Interruption::error();
    for (std::size_t i = 0; i < 2; ++i) {
      if (waiting[i].fd < 0 || waiting[i].revents == 0) continue;
      const ssize_t size = recv(waiting[i].fd, &received[i], sizeof(Report), 0);
      if (size != sizeof(Report)) return pair_error("one of them died");
      if (!received[i].good) return pair_error("an answer was wrong or did not come");
      waiting[i].fd = -1;
    }
  }
  return received;
}

}  // namespace

Interruption::Interruption() {
  const sigset_t set = interrupting_signals();
  sigprocmask(SIG_BLOCK, &set, nullptr);
  descriptor_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  RS_CHECK(descriptor_ >= 0);
}

Interruption::~Interruption() {
  // Reads the pending signal, so that it does not end the process when it is unblocked: the command sets the
  // exit status.
  while (signal() != 0) {
  }
  close(descriptor_);
  const sigset_t set = interrupting_signals();
  sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

int Interruption::signal() const {
  signalfd_siginfo info;
  return read(descriptor_, &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

Error Interruption::error() {
  return {EINTR, "the benchmark was interrupted", "", "", ""};
}

std::vector<int> allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> first_of_core;
  std::vector<int> others;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return {};
  std::set<std::string> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &set)) continue;
    std::ifstream file(fmt::format("/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", cpu));
    std::string siblings;
    std::getline(file, siblings);
    const bool new_core = siblings.empty() || cores.insert(siblings).second;
    (new_core ? first_of_core : others).push_back(cpu);
  }
  first_of_core.insert(first_of_core.end(), others.begin(), others.end());
  return first_of_core;
}

void run_on(const std::vector<int>& cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) CPU_SET(cpu, &set);
  // This fails only if the CPUs have been removed since allowed_cpus() listed them. The processes then run
  // anywhere.
  (void)sched_setaffinity(0, sizeof set, &set);
}

Result<PairTimes> time_pair(Transport& transport, const Traffic& traffic, int asking_cpu, int answering_cpu,
                            const Interruption& interruption) {
  Child responder(transport, Side::answers, traffic, answering_cpu);
  Child requester(transport, Side::asks, traffic, asking_cpu);
  if (!responder.started() || !requester.started()) return system_error("cannot start a process", "");
  if (auto prepared = reports({&responder, &requester}, interruption); !prepared) return prepared.error();
  responder.go();
  requester.go();
  auto done = reports({&responder, &requester}, interruption);
  if (!done) return done.error();
  const auto& [answered, asked] = done.value();
  return PairTimes{static_cast<double>(asked.messages), asked.seconds,
                   asked.cpu_seconds + answered.cpu_seconds};
}

// -- the messages

namespace {

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
}

}  // namespace

NumberedMessages::NumberedMessages(const Traffic& traffic)
    : end_ns_(now_ns() + static_cast<std::int64_t>(traffic.seconds * 1e9)) {}

ring::ControlMessage NumberedMessages::next() {
  last_asked_ = asked_ % messages_per_look == messages_per_look - 1 && now_ns() >= end_ns_;
  ring::ControlMessage message{ring::CMSG_CONSOLE,
                               last_asked_ ? last_subtype : ring::CMSG_CONSOLE_DATA,
                               ring::no_callback_id,
                               ring::payload_bytes_max,
                               {}};
  std::memcpy(message.msg, &asked_, sizeof asked_);
  ++asked_;
  return message;
}

void NumberedMessages::answered(const ring::ControlMessage& answer) {
  std::uint64_t number = 0;
  std::memcpy(&number, answer.msg, sizeof number);
  if (number != answered_ || answered_ == asked_ || answer.length != ring::payload_bytes_max) wrong_ = true;
  ++answered_;
}

std::optional<std::uint64_t> NumberedMessages::result() const {
  if (wrong_ || !finished()) return std::nullopt;
  return answered_;
}

bool is_last(const ring::ControlMessage& message) {
  return message.subtype == last_subtype;
}

}  // namespace ringside::tools::bench
