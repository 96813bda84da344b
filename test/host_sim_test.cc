// The simulated host: virtual time, frames, kicks and waits on rings.
#include "emu/host/sim.h"

#include <chrono>

#include "emu/trace/journal.h"
#include "emu/trace/memory_sink.h"
#include "ring/channel_words.h"
#include "test/catch.h"

namespace host_sim_test {

using namespace ringside;
using namespace std::chrono_literals;

// -- time

TEST_CASE("timers run in the order of their time, then of their creation") {
  SimWorld world;
  SimHost& host = world.host("a");
  std::string order;
  host.timer_start(2s, [&] { order += "c"; });
  host.timer_start(1s, [&] { order += "a"; });
  host.timer_start(1s, [&] { order += "b"; });
  const auto cancelled = host.timer_start(1s, [&] { order += "x"; });
  host.timer_cancel(cancelled);
  world.run();
  CHECK(order.empty());
  CHECK(world.now() == 0s);
  world.run_for(1s);
  CHECK(order == "ab");
  CHECK(host.now() == 1s);
  world.run_for(5s);
  CHECK(order == "abc");
  CHECK(world.now() == 6s);
}

TEST_CASE("a timer that starts itself again does not hang a run") {
  SimWorld world;
  SimHost& host = world.host("a");
  int ticks = 0;
  std::function<void()> tick = [&] {
    ++ticks;
    host.timer_start(5s, tick);
  };
  host.timer_start(5s, tick);
  world.run();
  CHECK(ticks == 0);
  world.run_for(26s);
  CHECK(ticks == 5);
  CHECK(world.run_until([&] { return ticks == 7; }));
  CHECK(world.now() == 35s);
  CHECK_FALSE(world.run_until([&] { return ticks == 100; }, 20s));
  CHECK(world.now() == 55s);
}

TEST_CASE("a memory sink stamps entries with virtual time and numbers them") {
  SimWorld world;
  trace::MemorySink sink(world.clock());
  trace::Journal journal(sink, trace::actor(trace::Role::xcs));
  journal.told(3, trace::Fact::checked_step, {}, "one");
  world.run_for(7ns);
  journal.event_taken(3, 1);
  REQUIRE(sink.entries().size() == 2);
  CHECK(sink.entries()[0].step == 1);
  CHECK(sink.entries()[0].entry.time_ns == 0);
  CHECK(sink.entries()[1].step == 2);
  CHECK(sink.entries()[1].entry.time_ns == 7);
  CHECK(sink.count(trace::Kind::told) == 1);
  sink.clear();
  journal.told(3, trace::Fact::checked_step, {}, "two");
  CHECK(sink.entries()[0].step == 3);
}

// -- frames

TEST_CASE("a frame is one page of memory for all its mappings") {
  SimWorld world;
  SimHost& one = world.host("one");
  SimHost& other = world.host("other");
  auto frame = one.frame_create().value();
  auto mapping = one.frame_map(frame).value();
  CHECK(reinterpret_cast<std::uintptr_t>(mapping.frame()) % ring::frame_bytes == 0);
  CHECK(mapping.frame()[ring::frame_bytes - 1] == std::byte{0});
  mapping.frame()[7] = std::byte{42};
  auto given = world.give(std::move(frame), other);
  {
    auto second = other.frame_map(given).value();
    given.close();
    CHECK(second.frame()[7] == std::byte{42});
    CHECK(world.open_handles() == std::vector<std::string>{"one: mapping", "other: mapping"});
  }
  CHECK(mapping.frame()[7] == std::byte{42});
  mapping = {};
  CHECK(world.open_handles().empty());
}

// -- kicks

TEST_CASE("kicks before the watcher runs cause one call") {
  SimWorld world;
  SimHost& sender = world.host("sender");
  SimHost& receiver = world.host("receiver");
  auto kicks = receiver.kicks_create().value();
  auto send = world.give(receiver.handle_duplicate(kicks).value(), sender);
  int calls = 0;
  receiver.kicks_watch(kicks, [&] {
    if (++calls == 1) sender.kick(send);  // during the call: not lost
  });
  world.run();
  CHECK(calls == 0);
  sender.kick(send);
  sender.kick(send);
  CHECK(calls == 0);  // never inside the kick
  world.run();
  CHECK(calls == 2);
}

TEST_CASE("every handle that watches the same kicks is woken, also one that starts later") {
  SimWorld world;
  SimHost& one = world.host("one");
  SimHost& other = world.host("other");
  auto kicks = one.kicks_create().value();
  auto shared = world.give(one.handle_duplicate(kicks).value(), other);
  int first = 0;
  int second = 0;
  one.kicks_watch(kicks, [&] { ++first; });
  one.kick(kicks);
  world.run();
  other.kicks_watch(shared, [&] { ++second; });
  world.run();
  CHECK(first == 1);
  CHECK(second == 1);
  other.kick(shared);
  kicks.close();
  world.run();
  CHECK(first == 1);
  CHECK(second == 2);
}

// -- ring waits

namespace {

/// A receiver on the guest-to-controller words of a frame: work is a number that the sender increases.
struct Receiver {
  SimWorld world;
  SimHost& host = world.host("receiver");
  SimHost& peer = world.host("sender");
  Handle frame = host.frame_create().value();
  Mapping mapping = host.frame_map(frame).value();
  ring::UpEvents<> events{mapping.frame()};
  Handle kicks = host.kicks_create().value();
  Handle send = world.give(host.handle_duplicate(kicks).value(), peer);
  int work = 0;
  int served = 0;
  int batch_max = 2;
  int serves = 0;
  int sleeps = 0;
  int kicks_sent = 0;
  bool asleep = false;
  std::function<void()> before_sleep;
  Host::WaitId wait = 0;

  void start() {
    wait = host.ring_wait_start(kicks, {.awaken =
                                            [this] {
                                              events.set_mask();
                                              asleep = false;
                                            },
                                        .has_work = [this] { return served != work; },
                                        .serve = [this] { serve(); },
                                        .try_sleep = [this] { return try_sleep(); },
                                        .own_cpu = &ring::channel_words(mapping.frame())->controller_cpu});
  }
  void serve() {
    ++serves;
    events.clear_pending();
    served += std::min(batch_max, work - served);
  }
  bool try_sleep() {
    if (before_sleep) std::exchange(before_sleep, nullptr)();
    if (events.unmask()) {
      events.set_mask();
      return false;
    }
    ++sleeps;
    return asleep = true;
  }
  void produce(int count) {
    work += count;
    if (events.raise() != ring::Raised::kick) return;
    ++kicks_sent;
    peer.kick(send);
  }
};

}  // namespace

TEST_CASE("a ring wait starts awake, serves existing work and sleeps") {
  Receiver receiver;
  receiver.produce(5);
  receiver.start();
  CHECK(receiver.serves == 0);
  receiver.world.run();
  CHECK(receiver.served == 5);
  CHECK(receiver.asleep);
  CHECK(receiver.sleeps == 1);
  CHECK(ring::channel_words(receiver.mapping.frame())->controller_cpu == 1);
}

TEST_CASE("a sleeping ring wait is woken by one kick, and needs none while it is awake") {
  Receiver receiver;
  receiver.start();
  receiver.world.run();
  REQUIRE(receiver.asleep);
  receiver.produce(1);
  REQUIRE(receiver.kicks_sent == 1);
  REQUIRE(receiver.world.run_until([&] { return receiver.served == 1; }));
  CHECK_FALSE(receiver.asleep);
  receiver.produce(7);
  CHECK(receiver.kicks_sent == 1);
  receiver.world.run();
  CHECK(receiver.served == 8);
  CHECK(receiver.asleep);
}

TEST_CASE("work that appears between the last look and the unmasking is not lost") {
  Receiver receiver;
  receiver.before_sleep = [&] { receiver.produce(3); };
  receiver.start();
  receiver.world.run();
  CHECK(receiver.kicks_sent == 0);
  CHECK(receiver.served == 3);
  CHECK(receiver.asleep);
}

TEST_CASE("an event without work is served once, and the wait sleeps") {
  Receiver receiver;
  receiver.before_sleep = [&] { receiver.produce(0); };
  receiver.start();
  receiver.world.run();
  CHECK(receiver.serves == 1);
  CHECK(receiver.asleep);
}

TEST_CASE("a wait that expects an answer is awake without having served") {
  Receiver receiver;
  receiver.start();
  receiver.world.run();
  REQUIRE(receiver.asleep);
  const int serves = receiver.serves;
  receiver.host.ring_wait_expect(receiver.wait);
  CHECK(receiver.world.run_until([&] { return !receiver.asleep; }));
  receiver.produce(1);
  CHECK(receiver.kicks_sent == 0);
  receiver.world.run();
  CHECK(receiver.served == 1);
  CHECK(receiver.serves > serves);
  CHECK(receiver.asleep);
  const int serves_after = receiver.serves;
  receiver.host.ring_wait_expect(receiver.wait);
  receiver.world.run();
  CHECK(receiver.serves == serves_after);
  CHECK(receiver.asleep);
}

TEST_CASE("a wait that ends, or whose handle closes, is not called any more") {
  Receiver receiver;
  receiver.start();
  receiver.produce(1);
  SECTION("ended explicitly") {
    receiver.host.ring_wait_end(receiver.wait);
  }
  SECTION("with its handle") {
    receiver.kicks.close();
  }
  receiver.world.run();
  CHECK(receiver.serves == 0);
  receiver.host.ring_wait_end(receiver.wait);  // no harm
}

TEST_CASE("a wait may end itself from any of its functions") {
  SimWorld world;
  SimHost& host = world.host("a");
  auto kicks = host.kicks_create().value();
  const int place = GENERATE(0, 1, 2, 3);
  int calls_after_end = 0;
  bool ended = false;
  Host::WaitId wait = 0;
  const auto at = [&](int here) {
    calls_after_end += ended ? 1 : 0;
    if (place != here) return;
    ended = true;
    kicks.close();
  };
  const std::string long_capture(100, 'x');
  wait = host.ring_wait_start(kicks, {.awaken = [&at, long_capture] { at(0); },
                                      .has_work =
                                          [&at, place, long_capture] {
                                            at(1);
                                            return place == 2;
                                          },
                                      .serve = [&at, long_capture] { at(2); },
                                      .try_sleep =
                                          [&at, long_capture] {
                                            at(3);
                                            return false;
                                          }});
  CHECK(wait != 0);
  world.run();
  CHECK(ended);
  CHECK(calls_after_end == 0);
}

TEST_CASE("two ring waits take turns") {
  SimWorld world;
  SimHost& host = world.host("a");
  auto kicks_a = host.kicks_create().value();
  auto kicks_b = host.kicks_create().value();
  std::string order;
  int left_a = 3;
  int left_b = 3;
  const auto wait = [&](char name, int& left) {
    return RingWait{.awaken = [] {},
                    .has_work = [&left] { return left > 0; },
                    .serve =
                        [&order, &left, name] {
                          order += name;
                          --left;
                        },
                    .try_sleep = [] { return true; }};
  };
  host.ring_wait_start(kicks_a, wait('a', left_a));
  host.ring_wait_start(kicks_b, wait('b', left_b));
  world.run();
  CHECK(order == "ababab");
}

}  // namespace host_sim_test
