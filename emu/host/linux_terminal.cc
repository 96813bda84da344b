// termios, the window's size, and the signals after which a terminal must not stay raw.
#include "emu/host/linux_terminal.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <utility>

namespace ringside {

struct KeptTerminal {
  int fd;
  termios mode;
  std::string parting;
};

namespace {

/// The terminals that signals restore. If there are more, the caller alone restores the rest. A signal
/// handler can reach only these.
std::array<std::atomic<const KeptTerminal*>, 16> taken;
static_assert(std::atomic<const KeptTerminal*>::is_always_lock_free);

/// They do not end a process, or cannot be caught.
constexpr std::array not_ending{SIGKILL,  SIGSTOP, SIGCHLD, SIGCONT, SIGURG,
                                SIGWINCH, SIGTSTP, SIGTTIN, SIGTTOU};

void put_back_and_end(int number) {
  for (const auto& each : taken) {
    const KeptTerminal* kept = each;
    if (kept == nullptr) continue;
    (void)!write(STDOUT_FILENO, kept->parting.data(), kept->parting.size());
    tcsetattr(kept->fd, TCSANOW, &kept->mode);
  }
  raise(number);  // this handler is removed by now
}

void catch_ending_signals() {
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction before {};
    if (std::ranges::find(not_ending, number) != not_ending.end()) continue;
    if (sigaction(number, nullptr, &before) != 0 || before.sa_handler != SIG_DFL) continue;
    struct sigaction caught {};
    caught.sa_handler = put_back_and_end;
    caught.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
    // SIGTTOU among them: a background process may then set its terminal.
    sigfillset(&caught.sa_mask);
    sigdelset(&caught.sa_mask, number);
    sigaction(number, &caught, nullptr);
  }
}

}  // namespace

std::optional<WindowSize> window_size(int fd) {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return std::nullopt;
  return WindowSize{size.ws_row, size.ws_col};
}

bool is_terminal(int fd) {
  return isatty(fd) != 0;
}

RawTerminal::RawTerminal(int fd, When when, std::string parting)
    : when_(when == When::now ? TCSANOW : TCSADRAIN) {
  termios mode{};
  if (tcgetattr(fd, &mode) != 0) return;
  kept_ = std::make_unique<KeptTerminal>(KeptTerminal{fd, mode, std::move(parting)});
  for (auto& place : taken) {
    const KeptTerminal* none = nullptr;
    if (place.compare_exchange_strong(none, kept_.get())) break;
  }
  catch_ending_signals();
  take();
}

RawTerminal::~RawTerminal() {
  give_back();
  for (auto& place : taken) {
    const KeptTerminal* own = kept_.get();
    if (own != nullptr) place.compare_exchange_strong(own, nullptr);
  }
}

void RawTerminal::give_back() {
  if (kept_) tcsetattr(kept_->fd, when_, &kept_->mode);
}

void RawTerminal::take() {
  if (!kept_) return;
  termios mode = kept_->mode;
  cfmakeraw(&mode);
  tcsetattr(kept_->fd, when_, &mode);
}

}  // namespace ringside
