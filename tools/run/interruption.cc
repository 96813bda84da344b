// Signal handlers that record a signal or end the process at once.
#include "tools/run/interruption.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>

#include "emu/host/domain_words.h"
#include "emu/host/standard_streams.h"

namespace ringside::tools {

namespace {

constexpr std::array interrupting_numbers{SIGINT, SIGTERM, SIGHUP};

// A signal handler can only reach globals.
std::atomic<int> first_signal{0};
static_assert(std::atomic<int>::is_always_lock_free);

void remember(int number) {
  int none = 0;
  first_signal.compare_exchange_strong(none, number);
}

/// The text for each signal, in the order of interrupting_numbers.
std::array<std::string, interrupting_numbers.size()> last_words;

void say_and_end(int number) {
  const auto at = static_cast<std::size_t>(std::ranges::find(interrupting_numbers, number) -
                                           interrupting_numbers.begin());
  end_with_words(last_words[at], status_of_signal_0 + number);
}

void catch_all(void (*handler)(int)) {
  for (const int number : interrupting_numbers) {
    struct sigaction before {};
    sigaction(number, nullptr, &before);
    if (before.sa_handler == SIG_IGN) continue;
    struct sigaction caught {};
    caught.sa_handler = handler;
    caught.sa_flags = static_cast<int>(SA_RESTART | SA_RESETHAND);
    sigaction(number, &caught, nullptr);
  }
}

void release_all(void (*handler)(int)) {
  for (const int number : interrupting_numbers) {
    struct sigaction now {};
    sigaction(number, nullptr, &now);
    if (now.sa_handler == handler) std::signal(number, SIG_DFL);
  }
}

}  // namespace

EarlyInterruption::EarlyInterruption(const std::function<std::string(int signal)>& said) {
  for (std::size_t at = 0; at < last_words.size(); ++at) last_words[at] = said(interrupting_numbers[at]);
  catch_all(say_and_end);
}

EarlyInterruption::~EarlyInterruption() {
  release_all(say_and_end);
}

RunInterruption::RunInterruption() {
  first_signal = 0;
  catch_all(remember);
}

RunInterruption::~RunInterruption() {
  release_all(remember);
}

int RunInterruption::signal() {
  return first_signal;
}

}  // namespace ringside::tools
