// Signals remembered.
#include "tools/run/interruption.h"

#include <atomic>
#include <csignal>

namespace ringside::tools {

namespace {

constexpr int interrupting_numbers[] = {SIGINT, SIGTERM, SIGHUP};

// A handler finds nothing else.
std::atomic<int> first_signal{0};
static_assert(std::atomic<int>::is_always_lock_free);

void remember(int number) {
  int none = 0;
  first_signal.compare_exchange_strong(none, number);
}

}  // namespace

RunInterruption::RunInterruption() {
  first_signal = 0;
  for (const int number : interrupting_numbers) {
    struct sigaction before {};
    sigaction(number, nullptr, &before);
    if (before.sa_handler == SIG_IGN) continue;
    struct sigaction caught {};
    caught.sa_handler = remember;
    caught.sa_flags = static_cast<int>(SA_RESTART | SA_RESETHAND);
    sigaction(number, &caught, nullptr);
  }
}

RunInterruption::~RunInterruption() {
  for (const int number : interrupting_numbers) {
    struct sigaction now {};
    sigaction(number, nullptr, &now);
    if (now.sa_handler == remember) std::signal(number, SIG_DFL);
  }
}

int RunInterruption::signal() {
  return first_signal;
}

}  // namespace ringside::tools
