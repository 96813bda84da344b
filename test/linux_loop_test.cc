// The loop of a real process: two of them in two threads with a ring between them; descriptors that must not
// wait for rings; waits that end while they are served; and idleness without cost.
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "emu/host/linux_descriptors.h"
#include "emu/host/linux_host.h"
#include "ring/back.h"
#include "ring/channel_words.h"
#include "ring/front.h"
#include "test/catch.h"

namespace linux_loop_test {

using namespace ringside;
using namespace std::chrono_literals;

namespace {

constexpr ring::Abi abi = ring::Abi::sring;
/// After a lost wake-up a run ends by this limit.
constexpr auto patience = 300s;

const Machine no_machine("/nonexistent");

/// One side of a channel on a host of its own. Both directions use the words of the guest-to-controller
/// direction, each side in a frame of its own, because only the loop's wait is tested here.
class Side {
 public:
  Side() : frame_(host_.frame_create().value()), own_(host_.frame_map(frame_).value()) {
    kicks_ = host_.kicks_create().value();
    events_.emplace(own_.frame());
  }
  ~Side() { end(); }

  void meet(Side& peer, std::function<bool()> has_work, std::function<void()> serve) {
    peer_frame_ = host_.frame_map(host_.adopt(dup(peer.frame_.number()))).value();
    peer_kicks_ = host_.adopt(dup(peer.kicks_.number()));
    peer_events_.emplace(peer_frame_.frame());
    has_work_ = std::move(has_work);
    events_->set_mask();
    RingWait wait;
    wait.awaken = [this] { events_->set_mask(); };
    wait.has_work = has_work_;
    wait.serve = [this, serve = std::move(serve)] {
      if (events_->is_pending()) events_->clear_pending();
      serve();
    };
    wait.try_sleep = [this] {
      if (!events_->unmask() && !has_work_()) {
        ++sleeps_;
        return true;
      }
      events_->set_mask();
      return false;
    };
    wait.own_cpu = &ring::channel_words(own_.frame())->controller_cpu;
    wait.peer_cpu = &ring::channel_words(peer_frame_.frame())->controller_cpu;
    wait_ = host_.ring_wait_start(kicks_, std::move(wait));
  }

  void notify() {
    if (peer_events_->raise() == ring::Raised::kick) host_.kick(peer_kicks_);
    host_.ring_wait_expect(wait_);
  }

  void end() {
    if (wait_ != 0) host_.ring_wait_end(wait_);
    wait_ = 0;
  }

  LinuxHost host_{"test", no_machine};
  int sleeps_ = 0;

  [[nodiscard]] std::byte* frame() { return own_.frame(); }
  [[nodiscard]] std::byte* peer_frame() { return peer_frame_.frame(); }
  [[nodiscard]] const Handle& kicks() const { return kicks_; }

 private:
  Handle frame_;
  Handle kicks_;
  Mapping own_;
  std::optional<ring::UpEvents<>> events_;
  Mapping peer_frame_;
  Handle peer_kicks_;
  std::optional<ring::UpEvents<>> peer_events_;
  std::function<bool()> has_work_;
  Host::WaitId wait_ = 0;
};

struct Played {
  std::uint64_t answered = 0;
  int sleeps = 0;
};

/// `requests` requests and answers between two threads, in bursts of 1 to 8. After each burst with a number
/// divisible by `pause_every`, the asking side lets the answering one fall asleep.
Played play(std::uint64_t requests, std::uint64_t pause_every) {
  Side asks;
  Side answers;
  std::byte* page = asks.frame();
  auto front = *ring::Front<>::attach(ring::shared_ring(page, abi, ring::Ring::tx));
  std::uint64_t asked = 0;
  std::uint64_t answered = 0;
  std::uint64_t bursts = 0;
  const auto burst = [&] {
    const std::uint64_t size = 1 + bursts % ring::slots_per_ring;
    for (std::uint64_t i = 0; i < size && asked < requests; ++i, ++asked) {
      if (!front.put_request({})) break;
    }
    ++bursts;
    front.publish();
    asks.notify();
  };
  const auto stop = [&](Side& side) { side.host_.stop(0); };
  asks.meet(
      answers, [&] { return front.has_response(); },
      [&] {
        ring::ControlMessage response;
        while (front.take_response(response) == ring::TakeResponse::taken) ++answered;
        if (answered == requests) return stop(asks);
        if (front.outstanding() != 0) return;
        if (bursts % pause_every != 0) return burst();
        asks.host_.timer_start(300us, burst);
      });
  std::optional<ring::Back<>> back;
  std::uint64_t left = requests;
  const auto answer = [&] {
    ring::ControlMessage request;
    bool news = false;
    while (back->take_request(request) == ring::TakeRequest::taken) {
      (void)back->put_response(request);
      --left;
      news = true;
    }
    back->publish();
    if (news) answers.notify();
    if (left == 0) stop(answers);
  };
  answers.meet(
      asks, [&] { return back->has_request(); }, answer);
  back = ring::Back<>::attach(ring::shared_ring(answers.peer_frame(), abi, ring::Ring::tx));
  asks.host_.timer_start(patience, [&] { stop(asks); });
  answers.host_.timer_start(patience, [&] { stop(answers); });
  std::thread other([&] { answers.host_.run(); });
  burst();
  asks.host_.run();
  other.join();
  return {answered, answers.sleeps_};
}

std::chrono::microseconds cpu_time() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  const auto total = [](const timeval& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
  };
  return total(usage.ru_utime) + total(usage.ru_stime);
}

/// A wait that is awake without work.
RingWait idle_wait() {
  RingWait wait;
  wait.awaken = [] {};
  wait.has_work = [] { return false; };
  wait.serve = [] {};
  wait.try_sleep = [] { return true; };
  return wait;
}

}  // namespace

TEST_CASE("two loops answer each other without a lost wake-up", "[linux_loop]") {
  const Played played = play(100'000, 1'000'000);
  CHECK(played.answered == 100'000);
}

TEST_CASE("two loops that keep falling asleep wake each other every time", "[linux_loop]") {
  const Played played = play(10'000, 2);
  CHECK(played.answered == 10'000);
  CHECK(played.sleeps > 100);
}

TEST_CASE("two loops on one CPU wake each other every time", "[linux_loop]") {
  cpu_set_t before;
  REQUIRE(sched_getaffinity(0, sizeof before, &before) == 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
  const Played played = play(20'000, 10);
  sched_setaffinity(0, sizeof before, &before);
  CHECK(played.answered == 20'000);
}

TEST_CASE("descriptors and timers are served while a ring always has work", "[linux_loop]") {
  LinuxHost host("test", no_machine);
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const Handle input = host.adopt(ends[0]);
  const Handle output = host.adopt(ends[1]);
  const Handle kicks = host.kicks_create().value();
  bool timer_ran = false;
  int served = 0;
  RingWait busy = idle_wait();
  busy.has_work = [] { return true; };
  busy.serve = [&] {
    if (++served == 10'000'000) host.stop(1);
  };
  const auto wait = host.ring_wait_start(kicks, std::move(busy));
  host.watch(input, {.read = true}, [&](Ready) {
    if (timer_ran) host.stop(0);
  });
  host.timer_start(1ms, [&] {
    timer_ran = true;
    const std::array<std::uint8_t, 1> byte{1};
    (void)host.write(output, byte);
  });
  CHECK(host.run() == 0);
  host.ring_wait_end(wait);
}

TEST_CASE("a ring is served while a descriptor is always ready", "[linux_loop]") {
  LinuxHost host("test", no_machine);
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const Handle input = host.adopt(ends[0]);
  const Handle output = host.adopt(ends[1]);
  const Handle kicks = host.kicks_create().value();
  int called = 0;
  // Never read, so always ready.
  host.watch(input, {.read = true}, [&](Ready) {
    if (++called == 100'000) host.stop(1);
  });
  const std::array<std::uint8_t, 1> byte{1};
  REQUIRE(host.write(output, byte).state == Io::State::moved);
  RingWait ring = idle_wait();
  ring.has_work = [&] { return called > 1000; };
  ring.serve = [&] {
    if (called > 1000) host.stop(0);
  };
  ring.try_sleep = [] { return false; };  // no peer could kick it
  const auto wait = host.ring_wait_start(kicks, std::move(ring));
  CHECK(host.run() == 0);
  host.ring_wait_end(wait);
}

TEST_CASE("an event without work is served before the loop sleeps", "[linux_loop]") {
  LinuxHost host("test", no_machine);
  const Handle kicks = host.kicks_create().value();
  bool pending = true;
  int refused = 0;
  RingWait ring = idle_wait();
  ring.serve = [&] {
    if (!pending) host.stop(0);
    pending = false;
  };
  ring.try_sleep = [&] {
    if (!pending) {
      host.kick(kicks);  // wakes the loop, which ends then
      return true;
    }
    if (++refused == 100) host.stop(1);
    return false;
  };
  const auto wait = host.ring_wait_start(kicks, std::move(ring));
  CHECK(host.run() == 0);
  CHECK(refused == 1);
  host.ring_wait_end(wait);
}

TEST_CASE("a stop takes effect while a descriptor is always ready", "[linux_loop]") {
  LinuxHost host("test", no_machine);
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const Handle input = host.adopt(ends[0]);
  const Handle output = host.adopt(ends[1]);
  int called = 0;
  host.watch(input, {.read = true}, [&](Ready) {
    RS_CHECK(++called == 1);
    host.stop(7);
  });
  const std::array<std::uint8_t, 1> byte{1};
  REQUIRE(host.write(output, byte).state == Io::State::moved);
  CHECK(host.run() == 7);
}

TEST_CASE("a stop before the loop begins takes effect, once", "[linux_loop]") {
  LinuxHost host("test", no_machine);
  host.stop(7);
  CHECK(host.run() == 7);
  host.timer_start(1ms, [&] { host.stop(8); });
  CHECK(host.run() == 8);
}

TEST_CASE("a wait may end itself and others, and start new ones, while it is served", "[linux_loop]") {
  LinuxHost host("test", no_machine);
  std::array<Handle, 3> kicks;
  for (Handle& each : kicks) each = host.kicks_create().value();
  std::array<Host::WaitId, 3> waits{};
  int others_served = 0;
  int new_served = 0;
  RingWait first = idle_wait();
  first.has_work = [] { return true; };
  first.serve = [&] {
    host.ring_wait_end(waits[1]);
    host.ring_wait_end(waits[0]);
    RingWait successor = idle_wait();
    successor.has_work = [] { return true; };
    successor.serve = [&] {
      if (++new_served == 3) host.stop(0);
    };
    waits[2] = host.ring_wait_start(kicks[2], std::move(successor));
  };
  waits[0] = host.ring_wait_start(kicks[0], std::move(first));
  RingWait second = idle_wait();
  second.has_work = [] { return true; };
  second.serve = [&] { ++others_served; };
  waits[1] = host.ring_wait_start(kicks[1], std::move(second));
  CHECK(host.run() == 0);
  CHECK(others_served == 0);
  CHECK(new_served == 3);
  host.ring_wait_end(waits[2]);
}

TEST_CASE("waits without work cost no CPU time", "[linux_loop]") {
  LinuxHost host("test", no_machine);
  const Handle kicks = host.kicks_create().value();
  const auto wait = host.ring_wait_start(kicks, idle_wait());
  std::chrono::microseconds before{};
  host.timer_start(20ms, [&] {
    before = cpu_time();
    host.timer_start(300ms, [&] { host.stop(0); });
  });
  host.run();
  CHECK(cpu_time() - before < 10ms);
  host.ring_wait_end(wait);
}

TEST_CASE("a handle with very many pollers is kicked rarely, and the last kick is never lost",
          "[linux_loop]") {
  LinuxHost host("test", no_machine);
  Handle kicks = host.kicks_create().value();
  const Fd counter(dup(kicks.number()));
  const auto kicked_since = [&] {
    std::uint64_t count = 0;
    return ::read(counter.get(), &count, sizeof count) == sizeof count ? count : 0;
  };
  // Runs the host until a waiting kick is sent.
  const std::function<void()> look = [&] {
    if (kicked_since() != 0) return host.stop(0);
    host.timer_start(1ms, look);
  };
  SECTION("polled from one") {
    // A kick during which another process had the CPU counts as a long one, and the next kicks wait. So some
    // burst must go through, but not each.
    std::uint64_t sent = 0;
    while (sent <= 90) {
      for (int kick = 0; kick < 100; ++kick) host.kick(kicks);
      sent = kicked_since();
      if (sent > 90) break;
      host.kick(kicks);  // sent at once, or waits
      look();
      REQUIRE(host.run() == 0);
    }
    CHECK(sent > 90);
  }
  SECTION("polled from 40,000") {
    std::vector<Fd> copies;
    for (int copy = 0; copy < 100; ++copy) copies.emplace_back(dup(kicks.number()));
    std::vector<Fd> polls;
    for (int poll = 0; poll < 400; ++poll) {
      polls.emplace_back(epoll_create1(EPOLL_CLOEXEC));
      for (const Fd& copy : copies) {
        epoll_event event{};
        event.events = EPOLLIN | EPOLLET;
        REQUIRE(epoll_ctl(polls.back().get(), EPOLL_CTL_ADD, copy.get(), &event) == 0);
      }
    }
    for (int kick = 0; kick < 1000; ++kick) host.kick(kicks);
    CHECK(kicked_since() < 100);
    host.kick(kicks);
    SECTION("the last kick is sent when its pause ends, after at most a second") {
      look();
      CHECK(host.run() == 0);
    }
    SECTION("the last kick is sent when the host stops") {
      host.timer_start(0ms, [&] { host.stop(0); });
      CHECK(host.run() == 0);
      CHECK(kicked_since() == 1);
    }
    SECTION("the last kick is sent when the handle is closed") {
      kicks = Handle();
      CHECK(kicked_since() == 1);
    }
  }
}

}  // namespace linux_loop_test
