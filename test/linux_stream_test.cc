// Connections of the Linux host when there are no descriptors left.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "emu/host/launch.h"
#include "emu/host/linux_host.h"
#include "test/catch.h"

namespace linux_stream_test {

using namespace ringside;

namespace {

/// Uses up all descriptors of the process, and lowers its limit for a while.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit few = before_;
    few.rlim_cur = 64;
    setrlimit(RLIMIT_NOFILE, &few);
    for (int fd = 0; (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) taken_.push_back(fd);
  }
  ~NoDescriptors() {
    for (const int fd : taken_) close(fd);
    setrlimit(RLIMIT_NOFILE, &before_);
  }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
  std::vector<int> taken_;
};

Io::State state(LinuxHost& host, const Handle& caller) {
  std::uint8_t byte = 0;
  return host.read(caller, {&byte, 1}).state;
}

}  // namespace

TEST_CASE("without descriptors each caller is disconnected instead of waiting, and later ones are accepted") {
  const Machine machine(make_temporary_directory().value());
  LinuxHost host("test", machine);
  const std::string path = machine.directory() + "/sock";
  const Handle listener = host.listen_local(path).value();
  std::vector<Handle> callers;
  for (int each = 0; each < 3; ++each) callers.push_back(host.connect_local(path).value());
  {
    const NoDescriptors none;
    for (int each = 0; each < 2; ++each) {
      auto failed = host.accept(listener);
      CHECK_FALSE(failed);
      if (!failed) CHECK(failed.error().code == EMFILE);
      if (!failed) CHECK(failed.error().text().find("raise ulimit -n") != std::string::npos);
    }
  }
  CHECK(state(host, callers[0]) == Io::State::closed);
  CHECK(state(host, callers[1]) == Io::State::closed);
  CHECK(state(host, callers[2]) == Io::State::blocked);
  auto taken = host.accept(listener);
  REQUIRE(taken);
  CHECK(taken->has_value());
  auto none_left = host.accept(listener);
  REQUIRE(none_left);
  CHECK_FALSE(none_left->has_value());
  unlink(path.c_str());
  rmdir(machine.directory().c_str());
}

}  // namespace linux_stream_test
