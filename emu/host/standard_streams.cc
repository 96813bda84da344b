// glibc streams with our own write function (fopencookie).
#include "emu/host/standard_streams.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <ext/stdio_sync_filebuf.h>
#include <iostream>

namespace ringside {

namespace {

std::atomic<int> first_stdout_error{0};

/// Writes all of it, or returns -1: a stream that has failed has lost its buffer.
ssize_t write_patiently(void* cookie, const char* data, std::size_t bytes) {
  const int descriptor = static_cast<int>(reinterpret_cast<std::intptr_t>(cookie));
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t written = ::write(descriptor, data + done, bytes - done);
    if (written >= 0) {
      done += static_cast<std::size_t>(written);
    } else if (errno == EAGAIN) {
      pollfd waiting{descriptor, POLLOUT, 0};
      (void)poll(&waiting, 1, -1);
    } else if (errno != EINTR) {
      int none = 0;
      if (descriptor == STDOUT_FILENO) first_stdout_error.compare_exchange_strong(none, errno);
      return -1;
    }
  }
  return static_cast<ssize_t>(bytes);
}

std::FILE* patient_stream(int descriptor, std::FILE* otherwise, int buffering) {
  cookie_io_functions_t functions{};
  functions.write = write_patiently;
  void* cookie = reinterpret_cast<void*>(static_cast<std::intptr_t>(descriptor));
  std::FILE* stream = fopencookie(cookie, "w", functions);
  if (stream == nullptr) return otherwise;
  std::setvbuf(stream, nullptr, buffering, BUFSIZ);
  return stream;
}

}  // namespace

void prepare_standard_streams() {
  constexpr int modes[] = {O_WRONLY, O_RDONLY, O_RDONLY};
  for (int number = 0; number < 3; ++number) {
    if (fcntl(number, F_GETFD) < 0 && errno == EBADF) (void)!open("/dev/null", modes[number]);
  }
  stdout = patient_stream(STDOUT_FILENO, stdout, isatty(STDOUT_FILENO) != 0 ? _IOLBF : _IOFBF);
  stderr = patient_stream(STDERR_FILENO, stderr, _IONBF);
  // They are never destroyed, so that the last output is printed.
  static auto* const out = new __gnu_cxx::stdio_sync_filebuf<char>(stdout);
  static auto* const errors = new __gnu_cxx::stdio_sync_filebuf<char>(stderr);
  std::cout.rdbuf(out);
  std::cerr.rdbuf(errors);
}

int stdout_error() {
  return first_stdout_error;
}

void end_with_words(std::string_view words, int status) {
  (void)!write(STDOUT_FILENO, words.data(), words.size());
  _exit(status);
}

}  // namespace ringside
