// The hypervisor's client over a real socket; the test answers at the other end.
#include "emu/host/linux_client.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "test/catch.h"

namespace linux_client_test {

using namespace ringside;

namespace {

/// For calls without an answer there is no reason to wait.
constexpr std::chrono::milliseconds at_once{0};

struct Line {
  Line() {
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    caller = Fd(ends[0]);
    hypervisor = Fd(ends[1]);
  }

  Result<HypercallReply> call(DomainId domain, std::chrono::milliseconds patience) {
    return calls.call(caller.get(), {.op = HypercallOp::domain_info, .domain = domain}, -1, patience);
  }
  /// The next call that the hypervisor finds; empty if none waits.
  std::optional<HypercallArguments> heard() {
    HypercallArguments arguments;
    if (receive_packet(hypervisor.get(), &arguments, sizeof arguments).state != Packet::State::received)
      return std::nullopt;
    return arguments;
  }
  void answer(std::uint32_t number, DomainId domain) {
    HypercallAnswer answer;
    answer.number = number;
    answer.domain = domain;
    REQUIRE(send_packet(hypervisor.get(), &answer, sizeof answer, {}) == Packet::State::received);
  }

  Hypercalls calls;
  Fd caller;
  Fd hypervisor;
};

}  // namespace

TEST_CASE("a late answer is not used for the next call") {
  Line line;
  CHECK(line.call(7, at_once).error().code == ETIMEDOUT);
  const std::uint16_t number = line.heard().value().number;
  line.answer(number, 7);
  line.answer(number + 1u, 8);
  CHECK(line.call(8, hypercall_patience).value().answer.domain == 8);
}

TEST_CASE("the same call again gets the answer to the first, and is not sent twice") {
  Line line;
  CHECK(line.call(7, at_once).error().code == ETIMEDOUT);
  const std::uint16_t number = line.heard().value().number;
  CHECK(line.call(7, at_once).error().code == ETIMEDOUT);
  CHECK_FALSE(line.heard());
  line.answer(number, 7);
  SECTION("found by the repeated call") {}
  SECTION("found earlier by a look into the connection") {
    CHECK(line.calls.look(line.caller.get()) == Hypercalls::Asked::answers);
  }
  CHECK(line.call(7, at_once).value().answer.domain == 7);
  CHECK_FALSE(line.heard());
  CHECK(line.call(7, at_once).error().code == ETIMEDOUT);
  CHECK(line.heard().value().number != number);
}

TEST_CASE("a hypervisor that does not read is silent, and not gone") {
  Line line;
  // Fills the socket. Each call differs from the others.
  for (DomainId domain = 0; domain < 10'000; ++domain)
    REQUIRE(line.call(domain, at_once).error().code == ETIMEDOUT);
  CHECK(line.calls.ask(line.caller.get(), at_once) == Hypercalls::Asked::silent);
  line.hypervisor = Fd();
  CHECK(line.calls.look(line.caller.get()) == Hypercalls::Asked::gone);
  CHECK(line.call(1, at_once).error().code == EPIPE);
}

TEST_CASE("a query is answered, or its answer is noticed later") {
  Line line;
  CHECK(line.calls.ask(line.caller.get(), at_once) == Hypercalls::Asked::silent);
  CHECK(line.calls.look(line.caller.get()) == Hypercalls::Asked::silent);
  line.answer(line.heard().value().number, 0);
  CHECK(line.calls.look(line.caller.get()) == Hypercalls::Asked::answers);
}

TEST_CASE("a closed connection leaves no state for the next one with its number") {
  Line line;
  CHECK(line.call(7, at_once).error().code == ETIMEDOUT);
  CHECK(line.heard());
  line.calls.closed(line.caller.get());
  CHECK(line.call(7, at_once).error().code == ETIMEDOUT);
  CHECK(line.heard());
}

}  // namespace linux_client_test
