// Descriptors that a peer sends without a request. The tests send a socket with a linger time of a minute:
// the process that closes it last would wait that long.
#include "emu/host/linux_descriptors.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>
#include <vector>

#include "emu/host/linux_sockets.h"
#include "test/catch.h"

namespace linux_descriptors_test {

using namespace ringside;

namespace {

constexpr std::chrono::seconds lingering_time{60};

/// A TCP connection whose end `descriptor` has bytes to send that the other end has no room for.
struct Lingering {
  Lingering() {
    const Fd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const int small = 2048;
    setsockopt(listener.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(bind(listener.get(), generic, size) == 0);
    REQUIRE(listen(listener.get(), 1) == 0);
    REQUIRE(getsockname(listener.get(), generic, &size) == 0);
    descriptor = Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(connect(descriptor.get(), generic, size) == 0);
    other = Fd(accept(listener.get(), nullptr, nullptr));
    std::array<char, 65536> bytes{};
    while (send(descriptor.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) > 0) {
    }
    const linger lingers{1, static_cast<int>(lingering_time.count())};
    REQUIRE(setsockopt(descriptor.get(), SOL_SOCKET, SO_LINGER, &lingers, sizeof lingers) == 0);
  }
  /// Afterwards the packet holds the last reference to it.
  void send_with(int socket, std::size_t bytes) {
    const std::vector<char> data(bytes, 'x');
    REQUIRE(send_packet(socket, data.data(), data.size(), {descriptor.get()}) == Packet::State::received);
    descriptor = Fd();
  }

  Fd descriptor;
  Fd other;
};

struct Pair {
  explicit Pair(int type) {
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    one = Fd(ends[0]);
    other = Fd(ends[1]);
  }
  Fd one;
  Fd other;
};

/// Checks that the rest of the block takes less than the linger time.
class NoLinger {
 public:
  ~NoLinger() { CHECK(std::chrono::steady_clock::now() - start_ < lingering_time); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

bool is_open(int descriptor) {
  return fcntl(descriptor, F_GETFD) >= 0;
}

}  // namespace

TEST_CASE("a descriptor among bytes is not taken, nor any byte after it") {
  Pair pair(SOCK_STREAM);
  Lingering lingering;
  REQUIRE(write(pair.one.get(), "before", 6) == 6);
  const NoLinger quick;
  std::array<char, 64> bytes;
  CHECK(receive_bytes(pair.other.get(), bytes.data(), bytes.size()) == 6);
  CHECK((receive_bytes(pair.other.get(), bytes.data(), bytes.size()) < 0 && errno == EAGAIN));
  lingering.send_with(pair.one.get(), 1);
  REQUIRE(write(pair.one.get(), "after", 5) == 5);
  for (int again = 0; again < 3; ++again)
    CHECK((receive_bytes(pair.other.get(), bytes.data(), bytes.size()) < 0 && errno == EPROTO));
  const int number = pair.other.release();
  close_socket(number);
  CHECK_FALSE(is_open(number));
  CHECK(write(pair.one.get(), "x", 1) < 0);
}

TEST_CASE("closing a socket never waits, even with unsent data in it") {
  const int type = GENERATE(SOCK_STREAM, SOCK_SEQPACKET);
  Pair pair(type);
  Lingering lingering;
  const NoLinger quick;
  SECTION("nothing") {}
  SECTION("bytes") {
    REQUIRE(write(pair.one.get(), "bytes", 5) == 5);
  }
  SECTION("a descriptor") {
    lingering.send_with(pair.one.get(), 1);
  }
  SECTION("a descriptor after bytes") {
    REQUIRE(write(pair.one.get(), "bytes", 5) == 5);
    lingering.send_with(pair.one.get(), 1);
  }
  SECTION("a descriptor after an empty packet") {
    (void)!send(pair.one.get(), "", 0, 0);
    lingering.send_with(pair.one.get(), type == SOCK_STREAM ? 1 : 0);
  }
  SECTION("a descriptor after more packets than are read") {
    for (int packet = 0; packet < 50; ++packet) REQUIRE(write(pair.one.get(), "bytes", 5) == 5);
    lingering.send_with(pair.one.get(), 1);
  }
  SECTION("a socket in which a descriptor waits") {
    Pair inner(SOCK_STREAM);
    lingering.send_with(inner.one.get(), 1);
    REQUIRE(send_packet(pair.one.get(), "x", 1, {inner.other.get()}) == Packet::State::received);
  }
  SECTION("a descriptor whose sender has left") {
    lingering.send_with(pair.one.get(), 1);
    pair.one = Fd();
  }
  const int number = pair.other.release();
  close_socket(number);
  CHECK_FALSE(is_open(number));
}

TEST_CASE("sent descriptors outlive the close") {
  Pair pair(SOCK_STREAM);
  REQUIRE(write(pair.one.get(), "never read", 10) == 10);
  REQUIRE(write(pair.other.get(), "last words", 10) == 10);
  close_socket(pair.other.release());
  std::array<char, 64> bytes;
  CHECK(read(pair.one.get(), bytes.data(), bytes.size()) == 10);
  CHECK(read(pair.one.get(), bytes.data(), bytes.size()) == 0);
}

TEST_CASE("closing a listener never waits, even with unread data of its clients") {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("ringside-test-" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  const std::string path = folder / "socket";
  auto listener = listen_on_path(path, SOCK_STREAM);
  REQUIRE(listener);
  auto first = connect_to_path(path, SOCK_STREAM);
  auto second = connect_to_path(path, SOCK_STREAM);
  REQUIRE((first && second));
  Lingering lingering;
  lingering.send_with(second->get(), 1);
  const NoLinger quick;
  close_listener(listener->release());
  std::array<char, 8> bytes;
  CHECK(read(first->get(), bytes.data(), bytes.size()) <= 0);
  CHECK_FALSE(connect_to_path(path, SOCK_STREAM));
  std::filesystem::remove_all(folder);
}

TEST_CASE("a packet's descriptors are taken only on request") {
  Pair pair(SOCK_SEQPACKET);
  Lingering lingering;
  const NoLinger quick;
  std::uint32_t word = 7;
  REQUIRE(send_packet(pair.one.get(), &word, sizeof word, {pair.one.get(), pair.other.get()}) ==
          Packet::State::received);
  word = 0;
  Packet packet = receive_packet(pair.other.get(), &word, sizeof word, [&] { return word == 7; });
  CHECK(packet.state == Packet::State::received);
  CHECK(packet.descriptors.size() == 2);

  word = 8;
  REQUIRE(send_packet(pair.one.get(), &word, sizeof word, {}) == Packet::State::received);
  packet = receive_packet(pair.other.get(), &word, sizeof word, [] { return false; });
  CHECK(packet.state == Packet::State::received);
  CHECK(word == 8);

  lingering.send_with(pair.one.get(), sizeof word);
  packet = receive_packet(pair.other.get(), &word, sizeof word, [] { return false; });
  CHECK(packet.state == Packet::State::unasked);
  close_socket(pair.other.release());
}

TEST_CASE("a close hangs up also while another thread starts a program") {
  Pair connection(SOCK_STREAM);
  Pair gate(SOCK_STREAM);
  std::thread starts([&] {
    const pid_t child = fork_until_exec();
    if (child == 0) {
      // In place of a slow exec. The child has a copy of the connection until it ends.
      char go_on = 0;
      (void)!write(gate.other.get(), "x", 1);
      pollfd waits{gate.other.get(), POLLIN, 0};
      (void)poll(&waits, 1, -1);
      (void)!read(gate.other.get(), &go_on, 1);
      _exit(0);
    }
    waitpid(child, nullptr, 0);
  });
  pollfd waits{gate.one.get(), POLLIN, 0};
  CHECK(poll(&waits, 1, -1) == 1);
  const bool free = fork_lock().try_lock();
  CHECK_FALSE(free);
  if (free) fork_lock().unlock();
  CHECK(write(gate.one.get(), "x", 1) == 1);
  {
    const std::lock_guard lock(fork_lock());
    connection.one = Fd();
  }
  char byte = 0;
  CHECK(read(connection.other.get(), &byte, 1) == 0);
  starts.join();
}

TEST_CASE("a descriptor of unknown kind is closed at once") {
  Lingering lingering;
  const NoLinger quick;
  const int number = lingering.descriptor.release();
  close_in_child(number);
  CHECK_FALSE(is_open(number));
}

}  // namespace linux_descriptors_test
