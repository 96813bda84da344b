// Faults between processes: their shared table, and the effects on frames of a socket.
#include "emu/host/fault_table.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "emu/host/launch.h"
#include "emu/host/linux_host.h"
#include "test/catch.h"

namespace fault_table_test {

using namespace ringside;
using namespace std::chrono_literals;
using Effect = FaultRule::Effect;
using Traffic = FaultRule::Traffic;

namespace {

constexpr std::size_t unit = 4;
constexpr auto patience = 300s;

/// A directory with a table in it.
class Faulty {
 public:
  explicit Faulty(std::uint64_t seed = 1, bool plain = true)
      : machine(make_temporary_directory().value()),
        host("test", machine),
        table(FaultTable::make(host, machine, "xcs", seed, plain).value()) {}
  ~Faulty() { std::filesystem::remove_all(machine.directory()); }

  Machine machine;
  LinuxHost host;
  FaultTable table;
};

FaultRule event(Effect effect, std::uint32_t next = 0, std::uint32_t percent = 100) {
  const Duration by = effect == Effect::drop ? Duration{0} : Duration(1ms);
  return {.effect = effect,
          .traffic = Traffic::kick,
          .from = "dom1",
          .to = "xcs",
          .next = next,
          .percent = percent,
          .by = by};
}

FaultRule frame(Effect effect, Duration by = Duration{0}) {
  return {.effect = effect,
          .traffic = Traffic::bytes,
          .from = "xend",
          .to = "xcs",
          .next = 1,
          .by = by,
          .unit_bytes = unit};
}

/// Which of a hundred events a percentage fault affects.
std::vector<bool> hundred(FaultTable& table) {
  std::vector<bool> bitten;
  for (int i = 0; i < 100; ++i) bitten.push_back(table.bite(Traffic::kick, "dom1", "xcs").has_value());
  return bitten;
}

/// A host named xend, with a stream to a socket named as that of xcs, and the other end of it.
class Line {
 public:
  Line() : xend("xend", all.machine) {
    xend.inject_faults(FaultTable::find(xend, all.machine).value(), [this](const FaultRule& rule, DomainId) {
      bites.push_back(trace::words_of(fact_of_fault(rule), {}, rule.to));
    });
    listener = all.host.listen_local(all.machine.xcs_socket()).value();
    stream = xend.connect_local(all.machine.xcs_socket()).value();
    other = all.host.accept(listener).value().value();
  }

  void send(const std::string& text) {
    const Io io = xend.write(stream, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    REQUIRE(io.state == Io::State::moved);
    REQUIRE(io.bytes == text.size());
  }
  /// Waits until this many bytes have arrived, and returns all of them.
  std::string receive(std::size_t bytes) {
    std::string got;
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (got.size() < bytes && std::chrono::steady_clock::now() < deadline) {
      let_time_pass();
      std::uint8_t buffer[256];
      const Io io = all.host.read(other, buffer);
      if (io.state == Io::State::moved) got.append(reinterpret_cast<const char*>(buffer), io.bytes);
    }
    return got;
  }
  void let_time_pass() {
    xend.timer_start(1ms, [this] { xend.stop(0); });
    xend.run();
  }

  Faulty all;
  LinuxHost xend;
  std::vector<std::string> bites;
  Handle listener;
  Handle stream;
  Handle other;
};

}  // namespace

TEST_CASE("a machine without a table has no faults") {
  const Machine machine(make_temporary_directory().value());
  LinuxHost host("test", machine);
  CHECK_FALSE(FaultTable::find(host, machine));
  rmdir(machine.directory().c_str());
}

TEST_CASE("a rule affects its two components, as often as it says, also in another process's table") {
  Faulty all;
  FaultTable other = FaultTable::find(all.host, all.machine).value();
  REQUIRE(all.table.add(event(Effect::drop, 2)));
  CHECK_FALSE(other.bite(Traffic::kick, "dom2", "xcs"));
  CHECK_FALSE(other.bite(Traffic::kick, "xcs", "dom1"));
  CHECK_FALSE(other.bite(Traffic::bytes, "dom1", "xcs"));
  const auto first = other.bite(Traffic::kick, "dom1", "xcs");
  REQUIRE(first);
  CHECK(first->effect == Effect::drop);
  CHECK(other.bite(Traffic::kick, "dom1", "xcs"));
  CHECK_FALSE(other.bite(Traffic::kick, "dom1", "xcs"));
  CHECK(other.controller() == "xcs");
}

TEST_CASE("one rule affects both connections of a client, and no other client") {
  Faulty all;
  FaultRule rule = frame(Effect::drop);
  rule.to = "client3,client14";
  rule.next = 0;
  REQUIRE(all.table.add(rule));
  CHECK(all.table.bite(Traffic::bytes, "xend", "client3"));
  CHECK(all.table.bite(Traffic::bytes, "xend", "client14"));
  CHECK_FALSE(all.table.bite(Traffic::bytes, "xend", "client1"));
  CHECK_FALSE(all.table.bite(Traffic::bytes, "xend", "client"));
}

TEST_CASE("removed rules have no effect, later ones do") {
  Faulty all;
  REQUIRE(all.table.add(event(Effect::drop)));
  all.table.heal();
  CHECK_FALSE(all.table.bite(Traffic::kick, "dom1", "xcs"));
  REQUIRE(all.table.add(event(Effect::delay)));
  CHECK(all.table.bite(Traffic::kick, "dom1", "xcs")->effect == Effect::delay);
}

TEST_CASE("a percentage is drawn from the seed, and affects nothing in the plain order") {
  Faulty one(7, false);
  Faulty same(7, false);
  Faulty other(8, false);
  Faulty plain(7, true);
  for (Faulty* each : {&one, &same, &other, &plain}) REQUIRE(each->table.add(event(Effect::drop, 0, 30)));
  const auto drawn = hundred(one.table);
  CHECK(drawn == hundred(same.table));
  CHECK(drawn != hundred(other.table));
  const auto hits = std::count(drawn.begin(), drawn.end(), true);
  CHECK(hits > 10);
  CHECK(hits < 60);
  CHECK(hundred(plain.table) == std::vector<bool>(100, false));
}

TEST_CASE("impossible rules are refused, and so is one rule too many") {
  Faulty all;
  CHECK(all.table.add(event(Effect::reorder)).error().code == EINVAL);
  for (std::size_t i = 0; i < faults_max; ++i) REQUIRE(all.table.add(event(Effect::drop, 1)));
  CHECK(all.table.add(event(Effect::drop)).error().code == ENOSPC);
  REQUIRE(all.table.bite(Traffic::kick, "dom1", "xcs"));  // uses one up
  CHECK(all.table.add(event(Effect::drop)));
}

TEST_CASE("a dropped frame is not sent, in whatever pieces it is written") {
  Line line;
  line.send("one1tw");
  REQUIRE(line.all.table.add(frame(Effect::drop)));
  line.send("o2");  // the rest of a message that began before
  line.send("th");
  line.send("r3fou4");
  CHECK(line.receive(12) == "one1two2fou4");
  CHECK(line.bites == std::vector<std::string>{"fault: its message to xcs is lost"});
}

TEST_CASE("a late frame delays all later ones") {
  Line line;
  REQUIRE(line.all.table.add(frame(Effect::delay, 20ms)));
  const Time sent = line.xend.now();
  line.send("late");
  line.send("next");
  CHECK(line.all.table.held_until() >= sent + Duration(20ms));
  CHECK(line.receive(1) == "latenext");
  CHECK(line.xend.now() >= sent + Duration(20ms));
}

TEST_CASE("a duplicated frame arrives twice, and others once") {
  Line line;
  REQUIRE(line.all.table.add(frame(Effect::duplicate, 1ms)));
  line.send("one1");
  line.send("two2");
  CHECK(line.receive(12) == "one1one1two2");
}

TEST_CASE("a frame is overtaken by the next one, or is sent alone") {
  Line line;
  REQUIRE(line.all.table.add(frame(Effect::reorder, 10s)));
  line.send("one1");
  line.send("two2");
  CHECK(line.receive(8) == "two2one1");
  REQUIRE(line.all.table.add(frame(Effect::reorder, 1ms)));
  line.send("tre3");
  CHECK(line.receive(4) == "tre3");
}

TEST_CASE("delayed frames are sent before a stream closes") {
  Line line;
  REQUIRE(line.all.table.add(frame(Effect::delay, 10s)));
  line.send("late");
  line.stream.close();
  CHECK(line.receive(4) == "late");
}

TEST_CASE("a sender with too many delayed bytes has to wait") {
  Line line;
  REQUIRE(line.all.table.add(frame(Effect::delay, 10s)));
  const std::vector<std::uint8_t> much(64 * 1024);
  Io io{Io::State::moved, 0};
  std::size_t taken = 0;
  while (io.state == Io::State::moved && taken < 64 * much.size()) {
    io = line.xend.write(line.stream, much);
    taken += io.bytes;
  }
  CHECK(io.state == Io::State::blocked);
  CHECK(taken < 8 * much.size());
}

}  // namespace fault_table_test
