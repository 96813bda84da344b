// The signal handler, which may only do what is safe in one, and the pipes of the loops.
#include "emu/host/linux_signals.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <system_error>

namespace ringside {

namespace {

struct Receiver {
  std::atomic<int> wake;  ///< the writing end of its pipe
  std::atomic<bool> arrived;
};
std::array<Receiver, NSIG> receivers;  // by signal
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

void pass_on(int signal_number) {
  const int before = errno;
  Receiver& receiver = receivers[static_cast<std::size_t>(signal_number)];
  receiver.arrived = true;
  const char byte = 0;
  // A full pipe wakes the receiver, too.
  (void)!::write(receiver.wake, &byte, sizeof byte);
  errno = before;
}

}  // namespace

LinuxSignals::LinuxSignals() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
    throw std::system_error(errno, std::generic_category(), "pipe2");
  input_ = Fd(ends[0]);
  output_ = Fd(ends[1]);
}

LinuxSignals::~LinuxSignals() {
  for (const int number : received_) {
    if (receivers[static_cast<std::size_t>(number)].wake == output_.get()) std::signal(number, SIG_DFL);
  }
}

void LinuxSignals::receive(int signal_number) {
  receivers[static_cast<std::size_t>(signal_number)].wake = output_.get();
  if (!received_.insert(signal_number).second) return;
  struct sigaction action {};
  action.sa_handler = pass_on;
  sigfillset(&action.sa_mask);
  sigaction(signal_number, &action, nullptr);
}

int LinuxSignals::take() {
  std::array<char, 64> bytes;
  while (::read(input_.get(), bytes.data(), bytes.size()) > 0) continue;
  for (const int number : received_) {
    Receiver& receiver = receivers[static_cast<std::size_t>(number)];
    if (receiver.wake == output_.get() && receiver.arrived.exchange(false)) return number;
  }
  return 0;
}

}  // namespace ringside
