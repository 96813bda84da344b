// Forks a child, which reports on a pipe what it loads, and its status.
#include "tools/ring_check/ring_process.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>
#include <string_view>

namespace ringside::tools {

namespace {

constexpr std::string_view loading_word = "loading ";
constexpr std::string_view status_word = "status ";

/// In the child: the pipe for its reports.
int words_to = -1;

/// How long a signal to the waiting process may go unnoticed.
constexpr std::chrono::milliseconds between_looks{200};
/// Shared by both processes: the signal that the waiting one has received.
std::atomic<int>* signal_of_parent = nullptr;
std::function<int()> own_signal;

void say(std::string_view word, const std::string& value) {
  const std::string line = std::string(word) + value + "\n";
  (void)!::write(words_to, line.data(), line.size());
}

/// The reports of the child so far.
struct Words {
  std::string received;
  std::string loading;  ///< the file that it is loading; empty: none
  std::optional<int> status;

  void take(std::string_view bytes) {
    received += bytes;
    for (std::size_t end = received.find('\n'); end != std::string::npos; end = received.find('\n')) {
      const std::string line = received.substr(0, end);
      received.erase(0, end + 1);
      if (line.starts_with(loading_word)) loading = line.substr(loading_word.size());
      if (line.starts_with(status_word)) status = std::atoi(line.c_str() + status_word.size());
    }
  }
};

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return fmt::format("was killed by a signal: {}", ::strsignal(WTERMSIG(status)));
  return fmt::format("exited with status {}", WEXITSTATUS(status));
}

/// Reads the child's reports until it has ended. False: loading does not return.
bool listen_to(int words_from, Words& words, std::chrono::milliseconds patience) {
  for (;;) {
    *signal_of_parent = own_signal();
    const bool loads = !words.loading.empty();
    pollfd ready{words_from, POLLIN, 0};
    const int count = ::poll(&ready, 1, static_cast<int>((loads ? patience : between_looks).count()));
    if (count < 0 && errno == EINTR) continue;
    if (count == 0 && !loads) continue;
    if (count == 0) return false;
    char bytes[4096];
    const ssize_t got = ::read(words_from, bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    words.take({bytes, static_cast<std::size_t>(got)});
  }
}

}  // namespace

void note_loading(const std::string& path) {
  say(loading_word, path);
}

int ring_interruption() {
  const int own = own_signal ? own_signal() : 0;
  return own != 0 || signal_of_parent == nullptr ? own : signal_of_parent->load();
}

Result<int> in_ring_process(const std::function<int()>& what, std::chrono::milliseconds patience,
                            const std::function<int()>& interrupted) {
  const char* cannot = "cannot check a ring";
  own_signal = interrupted;
  void* shared =
      ::mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return Error{errno, cannot, "", std::strerror(errno), "see ulimit -v"};
  signal_of_parent = new (shared) std::atomic<int>(0);
  int ends[2];
  if (::pipe(ends) != 0) return Error{errno, cannot, "", std::strerror(errno), "raise ulimit -n"};
  std::fflush(nullptr);
  const pid_t process = ::fork();
  if (process < 0) {
    const int why = errno;
    ::close(ends[0]);
    ::close(ends[1]);
    return Error{why, cannot, "", fmt::format("no process can be started: {}", std::strerror(why)), ""};
  }
  if (process == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(ends[0]);
    words_to = ends[1];
    say(status_word, std::to_string(what()));
    // Without exit handlers, which a ring may have added and which could change the status.
    ::_exit(0);
  }
  ::close(ends[1]);
  Words words;
  const bool came_back = listen_to(ends[0], words, patience);
  ::close(ends[0]);
  if (!came_back) ::kill(process, SIGKILL);
  int status = 0;
  while (::waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  if (words.status) return *words.status;
  // The reader of its output has left. This process ends like the child.
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE && words.loading.empty()) ::raise(SIGPIPE);
  if (!came_back) {
    return Error{
        ETIMEDOUT, cannot, words.loading,
        fmt::format("it is not loaded within {:g} s", std::chrono::duration<double>(patience).count()),
        "the code that it runs at loading does not return"};
  }
  if (!words.loading.empty()) {
    return Error{ECHILD, cannot, words.loading, "the process that loads it " + how_it_ended(status),
                 "check that the file is complete, and which code it runs at loading"};
  }
  return Error{ECHILD, cannot, "", "the process that had loaded the rings " + how_it_ended(status), ""};
}

}  // namespace ringside::tools
