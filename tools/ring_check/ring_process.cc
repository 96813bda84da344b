// fork, and a pipe on which the child says what it loads, and with which status it ends.
#include "tools/ring_check/ring_process.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>

namespace ringside::tools {

namespace {

constexpr std::string_view loading_word = "loading ";
constexpr std::string_view status_word = "status ";

/// In the child: where its words go.
int words_to = -1;

void say(std::string_view word, const std::string& value) {
  const std::string line = std::string(word) + value + "\n";
  (void)!::write(words_to, line.data(), line.size());
}

/// What the child has said so far.
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
  return fmt::format("ended by itself, with status {}", WEXITSTATUS(status));
}

/// Reads what the child says until it has ended. False: it loads, and does not come back.
bool listen_to(int words_from, Words& words, std::chrono::milliseconds patience) {
  for (;;) {
    pollfd ready{words_from, POLLIN, 0};
    const int count = ::poll(&ready, 1, words.loading.empty() ? -1 : static_cast<int>(patience.count()));
    if (count < 0 && errno == EINTR) continue;
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

Result<int> in_ring_process(const std::function<int()>& what, std::chrono::milliseconds patience) {
  const char* cannot = "cannot check a ring";
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
    // Nothing that a ring leaves to be run at the end of its process changes the status.
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
  // The reader of its output has left. This process ends as the child did.
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE && words.loading.empty()) ::raise(SIGPIPE);
  if (!came_back) {
    return Error{
        ETIMEDOUT, cannot, words.loading,
        fmt::format("it is not loaded within {:g} s", std::chrono::duration<double>(patience).count()),
        "what it runs as it is loaded does not come back"};
  }
  if (!words.loading.empty()) {
    return Error{ECHILD, cannot, words.loading, "the process that loads it " + how_it_ended(status),
                 "is the file whole? what does it run as it is loaded?"};
  }
  return Error{ECHILD, cannot, "", "the process that has loaded the rings " + how_it_ended(status), ""};
}

}  // namespace ringside::tools
