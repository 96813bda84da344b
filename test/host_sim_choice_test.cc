// The simulated host with a source of choice, and with faults between two components.
#include <array>
#include <set>

#include "emu/host/sim.h"
#include "test/catch.h"

namespace host_sim_choice_test {

using namespace ringside;

namespace {

constexpr Duration ms = std::chrono::milliseconds(1);

Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Two components with a connection between them.
struct Pair {
  explicit Pair(SimWorld& world) : one(world.host("one")), other(world.host("other")) {
    const Handle listener = other.listen_local("/socket").value();
    here = one.connect_local("/socket").value();
    there = std::move(*other.accept(listener).value());
    other.watch(there, {.read = true}, [this](Ready) {
      std::array<std::uint8_t, 64> bytes;
      const Io io = other.read(there, bytes);
      reads.push_back(io.bytes);
      came.append(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(io.bytes));
      if (io.state == Io::State::closed) {
        closed = true;
        other.watch_interest(there, {});
      }
    });
  }
  void send(std::string_view text) {
    while (!text.empty()) {
      const Io io = one.write(here, bytes_of(text));
      REQUIRE(io.state == Io::State::moved);
      text.remove_prefix(io.bytes);
    }
  }
  FaultRule fault(FaultRule::Effect effect, std::size_t unit_bytes, Duration by = Duration{0}) const {
    return {.effect = effect,
            .traffic = FaultRule::Traffic::bytes,
            .from = "one",
            .to = "other",
            .next = 1,
            .by = by,
            .unit_bytes = unit_bytes};
  }

  SimHost& one;
  SimHost& other;
  Handle here;
  Handle there;
  std::string came;
  std::vector<std::size_t> reads;
  bool closed = false;
};

}  // namespace

TEST_CASE("which of two processes goes first is drawn; the events of one stay in order") {
  std::set<std::string> orders;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Choice choice = Choice::seeded(seed);
    SimWorld world;
    world.choose_with(choice);
    std::string order;
    for (const char* name : {"ab", "xy"}) {
      SimHost& host = world.host(name);
      for (const char letter : std::string(name)) {
        host.timer_start(Duration{0}, [&order, letter] { order += letter; });
      }
    }
    world.run();
    CHECK(order.find('a') < order.find('b'));
    CHECK(order.find('x') < order.find('y'));
    orders.insert(order);
  }
  CHECK(orders.size() == 6);
}

TEST_CASE("without a choice, and with the plain one, events run in the order of their creation") {
  Choice plain = Choice::first();
  for (const bool chooses : {false, true}) {
    SimWorld world;
    if (chooses) world.choose_with(plain);
    std::string order;
    for (const char letter : {'a', 'b', 'c', 'd'}) {
      SimHost& host = world.host(letter < 'c' ? "one" : "other");
      host.timer_start(letter == 'a' ? ms : Duration{0}, [&order, letter] { order += letter; });
    }
    world.run_for(ms);
    CHECK(order == "bcda");
  }
}

TEST_CASE("a kick takes its drawn time and never longer than the bound") {
  bool any_late = false;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Choice choice = Choice::seeded(seed);
    SimWorld world;
    world.choose_with(choice);
    SimHost& host = world.host("one");
    const Handle kicks = host.kicks_create().value();
    std::optional<Time> woken;
    host.kicks_watch(kicks, [&] { woken = world.now(); });
    host.kick(kicks);
    world.run_for(sim_latency_max);
    REQUIRE(woken);
    any_late = any_late || *woken > Time{0};
  }
  CHECK(any_late);
}

TEST_CASE("a stream's bytes arrive in order and completely, in any pieces, and then its end") {
  std::string text;
  for (int number = 0; number < 300; ++number) text += std::to_string(number) + ' ';
  std::set<std::vector<std::size_t>> ways;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Choice choice = Choice::seeded(seed);
    SimWorld world;
    world.choose_with(choice);
    Pair pair(world);
    for (std::size_t at = 0; at < text.size(); at += 50) pair.send(text.substr(at, 50));
    pair.here.close();
    world.run_for(ms);
    CHECK(pair.came == text);
    CHECK(pair.closed);
    ways.insert(pair.reads);
  }
  CHECK(ways.size() > 15);
}

TEST_CASE("writes marked as complete are never partial") {
  Choice choice = Choice::seeded(1);
  SimWorld world;
  world.choose_with(choice);
  Pair pair(world);
  pair.one.write_whole();
  for (int times = 0; times < 50; ++times)
    CHECK(pair.one.write(pair.here, bytes_of("0123456789")).bytes == 10);
}

TEST_CASE("a stopped component does nothing until it continues, and then all its events run in order") {
  SimWorld world;
  Pair pair(world);
  world.stall(pair.other);
  pair.send("first ");
  world.run_for(ms);
  pair.send("second");
  world.run_for(ms);
  CHECK(pair.came.empty());
  world.go_on(pair.other);
  world.run();
  CHECK(pair.came == "first second");
}

TEST_CASE("time passes with events when they take time, and timers come due in between") {
  SimWorld world;
  world.event_takes(std::chrono::microseconds(10));
  SimHost& busy = world.host("busy");
  int rounds = 0;
  std::function<void()> again = [&] {
    ++rounds;
    busy.timer_start(Duration{0}, again);
  };
  again();
  bool rang = false;
  world.host("other").timer_start(ms, [&] { rang = true; });
  while (world.advance(2 * ms)) {
  }
  CHECK(rang);
  CHECK(world.now() == 2 * ms);
  CHECK(rounds == 200);
}

TEST_CASE("advance() runs one event, or moves the time on when none is due") {
  SimWorld world;
  int ran = 0;
  world.host("one").timer_start(ms, [&] { ++ran; });
  CHECK(world.next_due() == ms);
  CHECK(world.advance(ms));
  CHECK(ran == 1);
  CHECK_FALSE(world.advance(5 * ms));
  CHECK(world.now() == 5 * ms);
  CHECK_FALSE(world.next_due());
}

TEST_CASE("units of a stream are lost, doubled, late or overtaken completely, in any pieces") {
  SimWorld world;
  Pair pair(world);
  int bites = 0;
  world.on_fault([&](const FaultRule&) { ++bites; });
  SECTION("lost, from the next whole unit on") {
    pair.send("aa");
    REQUIRE(world.fault(pair.fault(FaultRule::Effect::drop, 4)));
    pair.send("aab");
    pair.send("bbbcccc");
    world.run();
    CHECK(pair.came == "aaaacccc");
  }
  SECTION("doubled") {
    REQUIRE(world.fault(pair.fault(FaultRule::Effect::duplicate, 4)));
    pair.send("aaaabbbb");
    world.run();
    CHECK(pair.came == "aaaaaaaabbbb");
  }
  SECTION("late") {
    REQUIRE(world.fault(pair.fault(FaultRule::Effect::delay, 4, 3 * ms)));
    pair.send("aaaabbbb");
    CHECK(world.held_back() == 1);
    world.run_for(2 * ms);
    CHECK(pair.came.empty());
    world.run_for(ms);
    CHECK(pair.came == "aaaabbbb");
    CHECK(world.held_back() == 0);
  }
  SECTION("overtaken") {
    REQUIRE(world.fault(pair.fault(FaultRule::Effect::reorder, 4)));
    pair.send("aaaabbbbcccc");
    world.run();
    CHECK(pair.came == "bbbbaaaacccc");
  }
  SECTION("without a later unit") {
    REQUIRE(world.fault(pair.fault(FaultRule::Effect::reorder, 4, ms)));
    pair.send("aaaa");
    world.run_for(2 * ms);
    CHECK(pair.came == "aaaa");
  }
  CHECK(bites == 1);
}

TEST_CASE("delayed bytes are sent when their sender leaves, and discarded when their receiver does") {
  SimWorld world;
  Pair pair(world);
  REQUIRE(world.fault(pair.fault(FaultRule::Effect::reorder, 4)));
  SECTION("the sender") {
    pair.send("aaaa");
    pair.here.close();
    world.run();
    CHECK(pair.came == "aaaa");
  }
  SECTION("the sender, in the middle of a unit") {
    pair.send("aaaabb");
    pair.here.close();
    world.run();
    CHECK(pair.came == "bbaaaa");
  }
  SECTION("the receiver") {
    pair.send("aaaa");
    pair.there.close();
    world.run();
    pair.here.close();
  }
  CHECK(world.held_back() == 0);
}

TEST_CASE(
    "a kick is lost, late or doubled; only between those two components, and only as often as the rule "
    "says") {
  SimWorld world;
  SimHost& from = world.host("one");
  SimHost& to = world.host("other");
  const Handle mine = from.kicks_create().value();
  const Handle its = world.give(from.handle_duplicate(mine).value(), to);
  int woken = 0;
  to.kicks_watch(its, [&] { ++woken; });
  const auto fault = [](FaultRule::Effect effect, Duration by = Duration{0}) {
    return FaultRule{.effect = effect, .from = "one", .to = "other", .next = 1, .by = by};
  };
  SECTION("lost") {
    REQUIRE(world.fault(fault(FaultRule::Effect::drop)));
    from.kick(mine);
    world.run();
    CHECK(woken == 0);
    from.kick(mine);
    world.run();
    CHECK(woken == 1);
  }
  SECTION("late") {
    REQUIRE(world.fault(fault(FaultRule::Effect::delay, ms)));
    from.kick(mine);
    world.run();
    CHECK(woken == 0);
    world.run_for(ms);
    CHECK(woken == 1);
  }
  SECTION("doubled") {
    REQUIRE(world.fault(fault(FaultRule::Effect::duplicate, ms)));
    from.kick(mine);
    world.run_for(2 * ms);
    CHECK(woken == 2);
  }
  SECTION("of another component") {
    REQUIRE(world.fault(fault(FaultRule::Effect::drop)));
    to.kick(its);
    world.run();
    CHECK(woken == 1);
  }
}

TEST_CASE("more faults than the limit are refused, and the limit is named") {
  SimWorld world;
  for (std::size_t at = 0; at < faults_max; ++at) REQUIRE(world.fault({.from = "one", .to = "other"}));
  CHECK(world.fault({.from = "one", .to = "other"}).error().text().find("faults_max") != std::string::npos);
  world.heal();
  CHECK(world.fault({.from = "one", .to = "other"}));
}

}  // namespace host_sim_choice_test
