// Today's console in the language: the forms about the rings of bytes, the values that follow from the
// journal, and the acts of a hostile guest.
#include <cerrno>

#include "emu/script/sim_stage.h"
#include "emu/script/state.h"
#include "emu/trace/journal.h"
#include "emu/trace/memory_sink.h"
#include "test/script_text.h"

namespace script_today_test {

using namespace ringside;
using namespace ringside::script;
using namespace ringside::test;
using trace::actor;
using trace::ByteIndex;
using trace::ByteRing;
using trace::Role;

namespace {

constexpr trace::Actor dom1 = actor(Role::domain, 1);
constexpr trace::Actor daemon_of_today = actor(Role::xenconsoled);

/// The pattern of the last line.
template <class T>
T last_of(const Parsed& parsed) {
  INFO(parsed.said());
  REQUIRE(parsed.script.diagnostics.errors() == 0);
  return std::get<T>(std::get<Expect>(parsed.runs.at(0).statements.back().what).pattern.what);
}

Parsed lines_of_today(const std::string& lines) {
  return read_text("scenario \"t\"\ncontroller xenconsoled\nxen boots dom1\n" + lines + "\n");
}

/// The states that follow from the entries that `tell` writes.
template <class Tell>
State state_of(Tell tell) {
  trace::MemorySink sink([] { return 1; });
  tell(trace::Journal(sink, dom1));
  State state;
  for (const auto& [step, entry] : sink.entries()) state.take(entry);
  return state;
}

std::uint32_t last(const State& state, RingIndex index) {
  const bool in = index == RingIndex::in_prod || index == RingIndex::in_cons;
  return state.ring(1, in ? RingName::in : RingName::out).back().at(index);
}

struct Machine {
  explicit Machine(Dom0 dom0) {
    StagePlan plan;
    plan.dom0 = dom0;
    plan.journal = [this](std::uint64_t, const trace::Entry& entry) { journal.push_back(entry); };
    stage.emplace(std::move(plan), Choice::first());
    REQUIRE(stage->start().ok());
    REQUIRE(stage->boot(1, GuestProgram::script).ok());
    settle();
  }
  void settle() { REQUIRE(stage->settle(stage->now() + std::chrono::seconds(60))); }

  std::vector<trace::Entry> journal;
  std::optional<SimStage> stage;
};

}  // namespace

TEST_CASE("a move of an index of bytes is parsed, in two words or with a dot") {
  for (const char* line : {"expect dom1 moves out out_prod 0 -> 5", "expect dom1 moves out.out_prod 0 -> 5",
                           "expect dom1 moves dom1.out.out_prod 0 -> 5"}) {
    const Parsed parsed = lines_of_today(line);
    const auto& moved = last_of<IndexMoved>(parsed);
    CHECK(moved.who.role == Role::domain);
    CHECK(moved.ring.domain == 1);
    CHECK(moved.ring.ring == RingName::out);
    CHECK(moved.index == RingIndex::out_prod);
    CHECK(moved.to == 5);
  }
  CHECK(last_of<IndexMoved>(lines_of_today("expect xenconsoled moves dom1.in in_prod 0 -> 3")).index ==
        RingIndex::in_prod);
  CHECK(pattern_of<IndexMoved>("xcs moves dom1.tx.req_cons 7 -> 8").index == RingIndex::req_cons);
}

TEST_CASE("states of rings of bytes are parsed, with their own indices") {
  const Parsed both = lines_of_today("expect dom1.out settles at out_prod 5 out_cons 3");
  CHECK(last_of<RingState>(both).settles);
  CHECK(last_of<RingState>(both).tests.at(1).index == RingIndex::out_cons);
  const Parsed dotted = lines_of_today("expect dom1.in.in_cons >= 3");
  CHECK(last_of<RingState>(dotted).ring.ring == RingName::in);
  CHECK(last_of<RingState>(dotted).tests.at(0).compare == Compare::at_least);
  CHECK(lines_of_today("expect dom1.in in_prod 5 out_cons 3").says("there is no index \"out_cons\""));
}

TEST_CASE("what is written into a ring of bytes is a place, and its writer is checked") {
  const Parsed out = lines_of_today("expect dom1 writes out 100 bytes of \"abc\"");
  CHECK(last_of<Shows>(out).place.kind == Place::Kind::ring);
  CHECK(last_of<Shows>(out).place.ring == RingName::out);
  CHECK(last_of<Shows>(out).payload.size() == 100);
  CHECK(last_of<Shows>(lines_of_today("expect xenconsoled writes dom1.in /a./")).place.ring == RingName::in);
  CHECK(last_of<SlotWritten>(read_lines("expect xcs writes dom1.rx[3] request console")).slot == 3);
  CHECK(lines_of_today("expect dom1 writes in \"a\"").says("dom1 does not write into \"in\""));
  CHECK(lines_of_today("expect xenconsoled writes dom1.out \"a\"").says("xenconsoled does not write into"));
}

TEST_CASE("a ring of bytes names xenconsoled, as the actor does") {
  const auto controller = [](const std::string& lines) {
    const Parsed parsed = read_text("scenario \"t\"\nxen boots dom1\n" + lines + "\n");
    REQUIRE(parsed.runs.size() == 1);
    return parsed.runs[0].setup.controller;
  };
  CHECK(controller("expect dom1.out out_prod 5") == Controller::xenconsoled);
  CHECK(controller("dom1 sets in.in_cons to 5") == Controller::xenconsoled);
  CHECK(controller("expect dom1 writes out \"a\"") == Controller::xenconsoled);
  CHECK(controller("expect xenconsoled takes event") == Controller::xenconsoled);
  CHECK(controller("expect dom1.tx req_prod 1") == Controller::xcs);
  CHECK(controller("expect xcs.dropped is 0\nexpect dom1.out out_prod 5") == Controller::xcs);
}

TEST_CASE("the value of an index is what the journal says so far") {
  const State state = state_of([](trace::Journal guest) {
    guest.told(1, trace::Fact::byte_rings, {7, 9, 4, 4});
    guest.byte_index_moved(1, ByteIndex::out_prod, 4, 104);
    guest.byte_index_found(1, ByteIndex::out_cons, 4, 54);  // as Debian's xenconsoled, which reports nothing
  });
  CHECK(last(state, RingIndex::in_cons) == 7);
  CHECK(last(state, RingIndex::in_prod) == 9);
  CHECK(last(state, RingIndex::out_prod) == 104);
  CHECK(last(state, RingIndex::out_cons) == 54);
}

TEST_CASE("what a guest finds may be older than what xenconsoled has reported") {
  const State state = state_of([](trace::Journal guest) {
    guest.byte_index_moved(1, ByteIndex::out_prod, 0, 20);
    guest.as(daemon_of_today).byte_index_moved(1, ByteIndex::out_cons, 0, 10);
    guest.as(daemon_of_today).byte_index_moved(1, ByteIndex::out_cons, 10, 20);
    guest.byte_index_found(1, ByteIndex::out_cons, 0, 10);
  });
  CHECK(last(state, RingIndex::out_cons) == 20);
}

TEST_CASE("a new domain of the same id has new rings") {
  const State state = state_of([](trace::Journal guest) {
    guest.byte_index_moved(1, ByteIndex::out_prod, 0, 20);
    guest.as(actor(Role::xen)).told(1, trace::Fact::created);
  });
  CHECK(last(state, RingIndex::out_prod) == 0);
  CHECK(state.page_since(1) == 2);
}

TEST_CASE("the bytes written into a ring are those of all its entries") {
  const State state = state_of([](trace::Journal guest) {
    const std::string text(100, 'a');
    const Bytes bytes{reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
    guest.bytes_written(1, ByteRing::out, 0, bytes);
    guest.as(daemon_of_today).bytes_written(1, ByteRing::in, 0, bytes.first(3));
    guest.bytes_found(1, ByteRing::in, 0, bytes.first(3));  // the same once more
  });
  CHECK(state.written_into(1, RingName::out) == std::string(100, 'a'));
  CHECK(state.written_into(1, RingName::in) == "aaa");
  CHECK(state.written_into(2, RingName::out).empty());
}

TEST_CASE("an index of bytes is set in the frame, which both ends read") {
  Machine machine(Dom0::xenconsoled);
  REQUIRE(machine.stage->set_byte_index(dom1, 1, ByteIndex::out_prod, 5000).ok());
  CHECK(machine.stage->read_byte_index(1, ByteIndex::out_prod).value() == 5000);
  CHECK(machine.stage->read_byte_index(1, ByteIndex::out_cons).value() == 0);
  const trace::Entry& moved = machine.journal.back();
  CHECK(moved.kind == trace::Kind::byte_index_moved);
  CHECK(moved.actor == dom1);
  CHECK(moved.to_value == 5000);
  REQUIRE(machine.stage->set_byte_index(dom1, 1, ByteIndex::out_prod, 1).ok());  // a byte that is there
  REQUIRE(machine.stage->notify(dom1, daemon_of_today).ok());
  machine.settle();
  CHECK(machine.stage->read_byte_index(1, ByteIndex::out_cons).value() == 1);
}

TEST_CASE("a guest of 2005 has no index of bytes") {
  Machine machine(Dom0::xcs_xend);
  CHECK(machine.stage->set_byte_index(dom1, 1, ByteIndex::out_prod, 5).error().code == EINVAL);
  CHECK(machine.stage->read_byte_index(1, ByteIndex::out_prod).error().code == EINVAL);
}

}  // namespace script_today_test
