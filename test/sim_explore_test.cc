// Seeds and faults on whole machines: every run reaches the same end, and a seed repeats a run exactly.
#include <cstring>
#include <set>

#include "emu/dom0/xcs/client.h"
#include "emu/script/sim_stage.h"
#include "emu/trace/text.h"
#include "test/catch.h"

namespace sim_explore_test {

using namespace ringside;
using namespace ringside::script;

namespace {

using trace::Role;
using Effect = StageFault::Effect;
using Traffic = StageFault::Traffic;
constexpr trace::Actor dom1 = trace::actor(Role::domain, 1);
constexpr trace::Actor xcs = trace::actor(Role::xcs);
constexpr trace::Actor xend = trace::actor(Role::xend);
constexpr trace::Actor user = trace::actor(Role::user);

template <class T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().text());
  return std::move(*result);
}

std::string numbers(std::size_t bytes) {
  std::string text;
  for (unsigned number = 0; text.size() < bytes; ++number) text += std::to_string(number) + ' ';
  text.resize(bytes);
  return text;
}

/// FNV-1a of the whole journal, including times.
class Hash {
 public:
  void add(const trace::Entry& entry) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&entry);
    for (std::size_t at = 0; at < sizeof entry; ++at) value_ = (value_ ^ bytes[at]) * 0x100000001b3;
  }
  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325;
};

struct Machine {
  explicit Machine(Choice choice, StagePlan plan = {}) {
    plan.journal = [this](std::uint64_t, const trace::Entry& entry) {
      hash.add(entry);
      if (entry.kind == trace::Kind::told && is_fault(trace::fact_of(entry)))
        faults.emplace_back(trace::sentence(entry));
    };
    stage.emplace(std::move(plan), std::move(choice));
    must(stage->start());
    must(stage->boot(1, GuestProgram::script));
  }
  void connect() { must(stage->user_connects("", 1, Way::local)); }
  void settle() { REQUIRE(stage->settle(stage->now() + std::chrono::seconds(60))); }
  [[nodiscard]] std::string saw() { return std::string(stage->user_saw("")); }

  Hash hash;
  std::vector<std::string> faults;
  std::optional<SimStage> stage;
};

struct Outcome {
  std::uint64_t hash;
  std::string saw;
  std::string read;
  Choice::Tape tape;
};

/// Uses both directions at once, during a pause, with a second domain.
Outcome busy_run(Choice choice) {
  Machine machine(std::move(choice));
  machine.connect();
  must(machine.stage->boot(2, GuestProgram::script));
  must(machine.stage->print(1, numbers(700)));
  must(machine.stage->print(2, numbers(300)));
  must(machine.stage->user_types("", numbers(900), Typing::once));
  for (int step = 0; step < 40; ++step)
    machine.stage->advance(machine.stage->now() + std::chrono::seconds(1));
  must(machine.stage->pause(1));
  machine.settle();
  must(machine.stage->unpause(1));
  machine.settle();
  return {machine.hash.value(), machine.saw(), std::string(machine.stage->program_read(1)),
          machine.stage->tape()};
}

StageFault events(Effect effect, trace::Actor from, trace::Actor to, std::uint32_t next = 0,
                  Duration by = Duration{0}) {
  return {.effect = effect, .traffic = Traffic::event, .from = from, .to = to, .next = next, .by = by};
}
StageFault messages(Effect effect, trace::Actor from, trace::Actor to, std::uint32_t next = 0,
                    Duration by = Duration{0}) {
  return {.effect = effect, .traffic = Traffic::message, .from = from, .to = to, .next = next, .by = by};
}

}  // namespace

TEST_CASE("the same seed gives the same journal, bit for bit, and so does its tape") {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    const Outcome once = busy_run(Choice::seeded(seed));
    CHECK(busy_run(Choice::seeded(seed)).hash == once.hash);
    CHECK(busy_run(Choice::replay(once.tape)).hash == once.hash);
  }
  const Outcome plain = busy_run(Choice::first());
  CHECK(busy_run(Choice::first()).hash == plain.hash);
  CHECK(busy_run(Choice::replay({})).hash == plain.hash);
  CHECK(plain.tape.empty());
}

TEST_CASE("different seeds reach the same end by different orders") {
  std::set<std::uint64_t> ways;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const Outcome run = busy_run(Choice::seeded(seed));
    INFO("seed " << seed);
    CHECK(run.saw == numbers(700));
    CHECK(run.read == numbers(900));
    ways.insert(run.hash);
  }
  CHECK(ways.size() == 100);
}

TEST_CASE("a lost event leaves the message in the ring until the next one comes") {
  Machine machine(Choice::first());
  machine.connect();
  machine.settle();
  must(machine.stage->fault(events(Effect::drop, dom1, xcs, 1)));
  must(machine.stage->print(1, "one "));
  machine.settle();
  CHECK(machine.saw().empty());
  CHECK(machine.faults == std::vector<std::string>{"dom1 says: fault: its event to xcs is lost"});
  must(machine.stage->print(1, "two"));
  machine.settle();
  CHECK(machine.saw() == "one two");
  CHECK(machine.faults.size() == 1);
}

TEST_CASE("a lost event to the guest leaves the input in the ring until the next one comes") {
  Machine machine(Choice::first());
  machine.connect();
  machine.settle();
  must(machine.stage->fault(events(Effect::drop, xcs, dom1, 1)));
  must(machine.stage->user_types("", "one ", Typing::once));
  machine.settle();
  CHECK(machine.stage->program_read(1).empty());
  CHECK(machine.faults.size() == 1);
  must(machine.stage->user_types("", "two", Typing::once));
  machine.settle();
  CHECK(machine.stage->program_read(1) == "one two");
}

TEST_CASE("late and duplicated events are harmless") {
  Machine machine(Choice::seeded(4));
  machine.connect();
  machine.settle();
  must(machine.stage->fault(events(Effect::delay, dom1, xcs, 0, std::chrono::milliseconds(5))));
  const Time begun = machine.stage->now();
  must(machine.stage->print(1, "late"));
  while (machine.saw().empty()) REQUIRE(machine.stage->advance(begun + std::chrono::seconds(1)));
  CHECK(machine.stage->now() - begun >= std::chrono::milliseconds(5));
  must(machine.stage->heal());
  must(machine.stage->fault(events(Effect::duplicate, dom1, xcs, 0, std::chrono::microseconds(50))));
  must(machine.stage->fault(events(Effect::duplicate, xcs, dom1)));
  must(machine.stage->print(1, numbers(2000)));
  must(machine.stage->user_types("", numbers(2000), Typing::once));
  machine.settle();
  CHECK(machine.saw() == "late" + numbers(2000));
  CHECK(machine.stage->program_read(1) == numbers(2000));
}

TEST_CASE("a lost frame is a missing message on the screen") {
  Machine machine(Choice::first());
  machine.connect();
  machine.settle();
  must(machine.stage->fault(messages(Effect::drop, xcs, xend, 1)));
  must(machine.stage->print(1, "lost"));
  machine.settle();
  must(machine.stage->print(1, "found"));
  machine.settle();
  CHECK(machine.saw() == "found");
  CHECK(machine.faults == std::vector<std::string>{"xcs says: fault: its message to xend is lost"});
}

TEST_CASE("frames arrive twice, in another order, or late, each complete") {
  Machine machine(Choice::first());
  machine.connect();
  machine.settle();
  SECTION("twice") {
    must(machine.stage->fault(messages(Effect::duplicate, xcs, xend, 1)));
    must(machine.stage->print(1, "ab"));
    machine.settle();
    CHECK(machine.saw().substr(0, 2) == "ab");
  }
  SECTION("overtaken") {
    must(machine.stage->client_connects(""));
    const auto bind =
        dom0::bind_message(dom0::XCS_MSG_BIND, dom0::xcs_port_wildcard, dom0::xcs_type_wildcard);
    must(machine.stage->client_sends("", Lane::control,
                                     {reinterpret_cast<const std::uint8_t*>(&bind), sizeof bind}));
    machine.settle();
    const auto client = trace::actor(Role::client, machine.stage->client_number("", Lane::data));
    must(machine.stage->fault(messages(Effect::reorder, xcs, client, 1)));
    must(machine.stage->print(1, std::string(60, 'a') + std::string(60, 'b')));
    machine.settle();
    const auto frames = must(machine.stage->client_received("", Lane::data));
    REQUIRE(frames.size() == 3);
    CHECK(frames[1].u.control.msg.msg[0] == 'b');
    CHECK(frames[2].u.control.msg.msg[0] == 'a');
  }
  SECTION("without a later unit") {
    must(machine.stage->fault(messages(Effect::reorder, xcs, xend, 1)));
    must(machine.stage->print(1, "alone"));
    machine.settle();
    CHECK(machine.saw() == "alone");
  }
  SECTION("late, with all later frames") {
    must(machine.stage->fault(messages(Effect::delay, xcs, xend, 1, std::chrono::milliseconds(30))));
    const Time begun = machine.stage->now();
    must(machine.stage->print(1, numbers(600)));
    machine.settle();
    CHECK(machine.saw() == numbers(600));
    CHECK(machine.stage->now() - begun >= std::chrono::milliseconds(30));
  }
  CHECK(machine.faults.size() == 1);
}

TEST_CASE("a user's bytes can be late, and settling waits for late bytes") {
  Machine machine(Choice::first());
  machine.connect();
  machine.settle();
  must(machine.stage->fault(messages(Effect::delay, user, xend, 1, std::chrono::seconds(2))));
  must(machine.stage->user_types("", "slow", Typing::once));
  machine.settle();
  CHECK(machine.stage->program_read(1) == "slow");
}

TEST_CASE("a percentage of events is lost, drawn from the seed") {
  Machine machine(Choice::seeded(9));
  machine.connect();
  machine.settle();
  StageFault fault = events(Effect::drop, dom1, xcs);
  fault.percent = 50;
  must(machine.stage->fault(fault));
  for (int line = 0; line < 40; ++line) {
    must(machine.stage->print(1, "line "));
    machine.settle();
  }
  CHECK(machine.faults.size() > 8);
  CHECK(machine.faults.size() < 32);
  must(machine.stage->heal());
  must(machine.stage->print(1, "end"));
  machine.settle();
  CHECK(machine.saw().size() == 40 * 5 + 3);
}

TEST_CASE("meaningless faults are refused with the reason") {
  Machine machine(Choice::first());
  const auto why = [&](const StageFault& fault) {
    const auto refused = machine.stage->fault(fault);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == EINVAL);
    return refused.error().why;
  };
  CHECK(why(messages(Effect::drop, dom1, xcs)) == "messages in a ring cannot get lost");
  CHECK(why(events(Effect::drop, xend, xcs)) == "no events pass there");
  CHECK(why(events(Effect::reorder, dom1, xcs)) == "all events are alike, so their order cannot be seen");
  CHECK(why(messages(Effect::drop, user, xend)) == "a stream has no messages: its bytes can only be delayed");
  CHECK(why(messages(Effect::delay, xcs, xend)) == "a delay must be longer than 0");
  CHECK(why(messages(Effect::drop, user, xcs)) == "no messages pass there");
  StageFault odd = events(Effect::drop, dom1, xcs);
  odd.percent = 101;
  CHECK(why(odd) == "a percentage is 1 to 100");
}

}  // namespace sim_explore_test
