// Both rings and both event directions under two real threads that sleep on real eventfds: nothing is lost,
// reordered or left asleep. The guest runs as a domU does (upcall, selector), the controller as xcs does
// (channel words).
//
// A lost wake-up shows as a sleep that ends by its time limit. Neither side ever spins without bound.
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <thread>

#include "ring/back.h"
#include "ring/channel_words.h"
#include "ring/event_bits.h"
#include "ring/front.h"
#include "test/catch.h"
#include "test/ring_page.h"

namespace ring_threads_test {

using namespace ringside::ring;
using namespace ringside::test;

namespace {

constexpr Port port = 1;
constexpr int sleep_ms_max = 20'000;

// TSan makes each access to the page some fifty times slower.
#if defined(__SANITIZE_THREAD__)
constexpr std::uint64_t requests_each_way = 20'000;
constexpr std::uint64_t sleepy_requests_each_way = 2'000;
#else
constexpr std::uint64_t requests_each_way = 250'000;
constexpr std::uint64_t sleepy_requests_each_way = 20'000;
#endif

/// A kick counter that wakes a side, as the ports of Host are.
class Kicks {
 public:
  Kicks() : descriptor_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  ~Kicks() { close(descriptor_); }
  Kicks(const Kicks&) = delete;
  Kicks& operator=(const Kicks&) = delete;

  void kick() {
    const std::uint64_t one = 1;
    (void)!write(descriptor_, &one, sizeof one);
  }
  /// False if no kick came in time.
  [[nodiscard]] bool sleep() {
    pollfd ready{descriptor_, POLLIN, 0};
    while (poll(&ready, 1, sleep_ms_max) < 0 && errno == EINTR) {
    }
    std::uint64_t count = 0;
    return read(descriptor_, &count, sizeof count) == sizeof count;
  }

 private:
  int descriptor_;
};

struct Shared {
  Page page;
  Kicks guest;
  Kicks controller;
};

ControlMessage numbered(std::uint64_t number) {
  ControlMessage message{CMSG_CONSOLE, CMSG_CONSOLE_DATA, no_callback_id, 60, {}};
  for (std::size_t i = 0; i < 7; ++i) std::memcpy(message.msg + 8 * i, &number, 8);
  return message;
}

/// True if every copy in the message contains `number`; a torn or stale slot does not.
bool is_numbered(const ControlMessage& message, std::uint64_t number) {
  const ControlMessage expected = numbered(number);
  return message.length == 60 && std::memcmp(message.msg, expected.msg, 56) == 0;
}

/// The common part of both sides: requests out by `front`, requests in by `back`, each answered with itself.
struct Side {
  Front<> front;
  Back<> back;
  std::uint64_t count;  ///< requests to make, and to take
  std::uint64_t made = 0, answered = 0, taken = 0;
  std::string fault = {};

  [[nodiscard]] bool done() const { return (answered == count && taken == count) || !fault.empty(); }
  [[nodiscard]] bool has_work() const { return front.has_response() || back.has_request(); }

  /// Returns whether the peer must be notified.
  bool serve() {
    ControlMessage message;
    bool news = false;
    while (front.has_response()) {
      if (front.take_response(message) != TakeResponse::taken) fault = "response index";
      if (!is_numbered(message, answered)) fault = "response " + std::to_string(answered);
      if (!fault.empty()) return true;
      ++answered;
    }
    while (back.has_request()) {
      if (back.take_request(message) != TakeRequest::taken) fault = "request index";
      if (!is_numbered(message, taken)) fault = "request " + std::to_string(taken);
      if (!back.put_response(message)) fault = "no room for response " + std::to_string(taken);
      if (!fault.empty()) return true;
      ++taken;
      news = true;
    }
    if (news) back.publish();
    const std::uint64_t before = made;
    while (made < count && front.put_request(numbered(made))) ++made;
    if (made != before) front.publish();
    return news || made != before;
  }
};

/// The event directions of one side.
struct Events {
  std::function<void()> notify;
  std::function<void()> mask;
  std::function<void()> clear_pending;
  std::function<bool()> unmask;  ///< true: an event is pending, do not sleep
  std::function<void()> upcall;  ///< after each sleep
};

/// Polls `looks` times before each sleep. Counts its sleeps.
void run(Side& side, const Events& events, Kicks& own, int looks, std::uint64_t& sleeps) {
  events.mask();
  while (true) {
    events.clear_pending();
    if (side.serve()) events.notify();
    if (side.done()) break;
    bool more = false;
    for (int i = 0; i < looks && !more; ++i) more = side.has_work();
    if (more || events.unmask()) {
      events.mask();
      continue;
    }
    ++sleeps;
    if (!own.sleep()) side.fault = "was never woken";
    events.upcall();
    events.mask();
  }
}

void exchange(Abi abi, std::uint64_t count, int looks) {
  Shared shared;
  std::byte* frame = shared.page.frame();
  const SharedRing tx = shared_ring(frame, abi, Ring::tx);
  const SharedRing rx = shared_ring(frame, abi, Ring::rx);
  Side guest{*Front<>::attach(tx), *Back<>::attach(rx), count};
  Side controller{*Front<>::attach(rx), *Back<>::attach(tx), count};
  EventBits<> down(frame, abi);
  UpEvents<> up(frame);
  const Events guest_events{
      [&] {
        if (up.raise() == Raised::kick) shared.controller.kick();
      },
      [&] { down.set_mask(port); },
      [&] { down.clear_pending(port); },
      [&] { return down.unmask(port); },
      [&] { down.upcall([](Port) {}); },
  };
  const Events controller_events{
      [&] {
        if (down.raise(port) == Raised::kick) shared.guest.kick();
      },
      [&] { up.set_mask(); },
      [&] { up.clear_pending(); },
      [&] { return up.unmask(); },
      [] {},
  };
  std::uint64_t guest_sleeps = 0;
  std::uint64_t controller_sleeps = 0;
  std::thread other([&] { run(controller, controller_events, shared.controller, looks, controller_sleeps); });
  run(guest, guest_events, shared.guest, looks, guest_sleeps);
  other.join();
  CHECK(guest.fault == "");
  CHECK(controller.fault == "");
  CHECK(guest.answered == count);
  CHECK(guest.taken == count);
  CHECK(controller.answered == count);
  CHECK(controller.taken == count);
  if (looks == 0) CHECK(guest_sleeps + controller_sleeps > 0);
}

}  // namespace

TEST_CASE("a million messages pass between two threads in order, both ways at once") {
  // In each layout. A quarter are requests up, a quarter requests down, and the rest are responses.
  exchange(GENERATE(Abi::flat, Abi::sring), requests_each_way, 2'000);
}

TEST_CASE("two threads that sleep whenever they can are always woken again") {
  exchange(GENERATE(Abi::flat, Abi::sring), sleepy_requests_each_way, 0);
}

TEST_CASE("a peer that keeps rewriting its published slots damages only its own messages") {
  constexpr int requests = 50'000;
  Page page;
  const SharedRing ring = page.ring(all_rings[2]);
  auto front = Front<>::attach(ring);
  auto back = Back<>::attach(ring);
  std::thread hostile([&] {
    ControlMessage lie = numbered(1);
    for (int made = 0; made < requests; ++lie.length) {
      ControlMessage message;
      while (front->take_response(message) != TakeResponse::empty) {
      }
      if (front->put_request(lie)) {
        ++made;
        front->publish();
      } else {
        std::this_thread::yield();
      }
      for (int slot = 0; slot < 8; ++slot) NativeMemory::copy_to_shared(ring.slots + slot, &lie);
    }
    NativeMemory::store(ring.req_prod, front->req_prod_pvt() + 1000);
  });
  int taken = 0;
  int too_long = 0;
  int uncut = 0;
  int unanswerable = 0;
  TakeRequest outcome{};
  while (outcome != TakeRequest::bad_index) {
    ControlMessage message;
    outcome = back->take_request(message);
    if (outcome == TakeRequest::empty) std::this_thread::yield();
    if (outcome != TakeRequest::taken && outcome != TakeRequest::long_length) continue;
    ++taken;
    if (outcome == TakeRequest::long_length) ++too_long;
    if (message.length > 60) ++uncut;
    if (!back->put_response(message)) ++unanswerable;
    back->publish();
  }
  hostile.join();
  CHECK(taken >= requests - 8);  // the wrong index at the end may lose those that were still in the ring
  CHECK(too_long > 0);
  CHECK(uncut == 0);
  CHECK(unanswerable == 0);
}

}  // namespace ring_threads_test
